//! Extension records run and tried by hand.

use serde_json::{Value, json};

use crate::support::api::Answered;
use crate::support::app::{SECRET, TestApp};
use crate::support::on_both_databases;
use crate::support::receiver::Answer;

/// The path of the only record of a new store.
async fn only_record(app: &TestApp, record: Value) -> (String, String) {
    let store = app.store(vec![record]).await;
    let id = app.record(&store, 0).await["id"].as_i64().expect("an id");
    (format!("/api/stores/{store}/extensions/{id}"), store)
}

/// A record that listens to nothing.
fn manual(app: &TestApp) -> Value {
    let mut record = app.webhook("");
    record["triggers"] = json!([]);
    record
}

/// The run and the event of an answer, that it says are there.
fn ids(answer: &Answered) -> (String, String) {
    let data = &answer.expect(202)["data"];
    (data["runId"].as_str().expect("a run").to_owned(), data["eventId"].as_str().expect("an event").to_owned())
}

async fn token(app: &TestApp, permissions: &[&str]) -> String {
    let new = json!({ "data": { "name": permissions.join(" "), "kind": "custom", "permissions": permissions } });
    app.post("/tenon/tokens", new).await.expect(201)["data"]["token"].as_str().expect("a token").to_owned()
}

on_both_databases! {
    async fn a_record_that_listens_to_nothing_runs_when_it_is_told(app: &TestApp) {
        let (path, store) = only_record(app, manual(app)).await;
        let answer = app.post(&format!("{path}/run"), json!({ "payload": { "note": "now" } })).await;
        let (run, event) = ids(&answer);
        app.run_until_idle().await;
        let delivery = app.receiver.only();
        let body = delivery.json();
        assert_eq!((delivery.header("webhook-id"), delivery.header("idempotency-key")), (&*event, &*run));
        assert_eq!((&body["trigger"], &body["payload"]["note"]), (&json!("trigger:manual"), &json!("now")));
        assert_eq!((&body["data"]["title"], &body["target"]["documentId"]), (&json!("The store"), &json!(store)));
        assert_eq!(body.get("test"), None, "it is no sample");
        let shown = app.only_run().await;
        assert_eq!((&shown["state"], &shown["pattern"]), (&json!("completed"), &Value::Null));
        assert_eq!(shown["cause"], "run by hand by token:bootstrap");
        assert_eq!(app.record(&store, 0).await["run_count"], 1);
    }

    async fn only_the_record_that_is_named_runs(app: &TestApp) {
        let store = app.store(vec![app.webhook("trigger:post_sale"), app.webhook_to("/other", "trigger:*")]).await;
        app.run_until_idle().await;
        app.receiver.forget();
        let id = &app.record(&store, 0).await["id"];
        let path = format!("/api/stores/{store}/extensions/{id}/run");
        app.post(&path, json!({ "trigger": "order_created" })).await.expect(202);
        app.run_until_idle().await;
        let delivery = app.receiver.only();
        assert_eq!((&*delivery.path, &delivery.json()["trigger"]), ("/hook", &json!("trigger:order_created")));
    }

    async fn a_record_that_is_switched_off_runs_by_hand_alone(app: &TestApp) {
        let mut record = app.webhook("trigger:post_sale");
        record["active"] = json!(false);
        let (path, store) = only_record(app, record).await;
        app.emit(&store, "post_sale", json!({})).await;
        app.post(&format!("{path}/run"), json!({})).await.expect(202);
        app.run_until_idle().await;
        assert_eq!(app.receiver.only().json()["trigger"], "trigger:manual");
        assert_eq!(app.only_run().await["state"], "completed");
    }

    async fn who_waits_is_answered_with_the_run_as_it_ended(app: &TestApp) {
        app.receiver.answers("/hook", [Answer::status(200).body("thank you")]);
        let (path, _) = only_record(app, manual(app)).await;
        let answer = app.post(&format!("{path}/run?wait=20"), json!({})).await;
        let whole = &answer.expect(200)["data"];
        assert_eq!(whole["run"]["state"], "completed");
        assert_eq!(whole["run"]["attempts"][0]["exchanges"][0]["answer"]["body"], "thank you");
        assert_eq!(whole["event"]["trigger"], "trigger:manual");
        app.receiver.answers("/hook", [500]);
        app.post(&format!("{path}/run?wait=1"), json!({})).await.expect(202);
        for wait in ["0", "31", "x"] {
            app.post(&format!("{path}/run?wait={wait}"), json!({})).await.expect(400);
        }
        app.receiver.answers("/hook", [200]);
        app.run_until_idle().await;
    }

    async fn a_price_has_records_that_run_by_hand_too(app: &TestApp) {
        let prices = json!([{ "Name": "50 g", "Price": 12.5, "extensions": [manual(app)] }]);
        let product = app.create("products", json!({ "Name": "Tea", "PRICES": prices })).await;
        let price = &product["PRICES"][0];
        let base = format!("/api/products/{}/prices/{}", product["documentId"].as_str().expect("an id"), price["id"]);
        let found = app.get(&format!("{base}?populate=extensions")).await;
        let id = &found.expect(200)["data"]["extensions"][0]["id"];
        let started = app.post(&format!("{base}/extensions/{id}/run"), json!({})).await;
        app.run_until_idle().await;
        let event = app.receiver.only().json();
        assert_eq!(event["target"]["priceId"], price["id"]);
        assert_eq!((&event["data"]["price"]["Price"], &event["data"]["product"]["Name"]), (&json!(12.5), &json!("Tea")));
        let (run, _) = ids(&started);
        let run = app.get(&format!("/tenon/runs/{run}")).await;
        assert_eq!(run.expect(200)["data"]["run"]["extension"]["owner"]["priceId"], price["id"]);
        let tried = app.post(&format!("{base}/extensions/{id}/test"), json!({ "trigger": "price_updated" })).await;
        assert_eq!(tried.expect(200)["data"]["event"]["changes"]["Price"], json!({ "from": 12.9, "to": 13.9 }));
        app.post(&format!("{base}9/extensions/{id}/run"), json!({})).await.expect(404);
    }

    async fn the_same_key_starts_one_run(app: &TestApp) {
        let (path, _) = only_record(app, manual(app)).await;
        let start = async |body: Value| {
            let request = app.request(reqwest::Method::POST, &format!("{path}/run")).header("idempotency-key", "once");
            crate::support::api::send(request.json(&body)).await
        };
        let first = start(json!({ "payload": { "n": 1 } })).await;
        let second = start(json!({ "payload": { "n": 1 } })).await;
        assert_eq!(ids(&first), ids(&second));
        assert_eq!((&first.json["data"]["repeated"], &second.json["data"]["repeated"]), (&json!(false), &json!(true)));
        start(json!({ "payload": { "n": 2 } })).await.expect(409);
        app.run_until_idle().await;
        app.receiver.only();
    }

    async fn what_cannot_run_is_refused(app: &TestApp) {
        let (path, store) = only_record(app, json!({ "key": "custom:webhok", "triggers": [] })).await;
        let refused = app.post(&format!("{path}/run"), json!({})).await;
        assert!(refused.expect(400)["error"]["message"].as_str().is_some_and(|text| text.contains("custom:webhook")));
        for (path, body, status) in [
            (format!("/api/stores/{store}/extensions/999/run"), json!({}), 404),
            (format!("/api/stores/{store}/extensions/x/run"), json!({}), 404),
            (format!("/api/stores/{}/extensions/1/run", "a".repeat(24)), json!({}), 404),
            (format!("{path}/run"), json!({ "trigger": "no good" }), 400),
            (format!("{path}/run"), json!({ "tigger": "post_sale" }), 400),
            (format!("{path}/run?soon=1"), json!({}), 400),
            (format!("{path}/test?dry=maybe"), json!({}), 400),
        ] {
            app.post(&path, body).await.expect(status);
        }
        assert!(app.texts("SELECT uid FROM runs").await.is_empty());
    }

    async fn a_sample_is_about_what_its_trigger_is_about(app: &TestApp) {
        let store = app.store(vec![app.webhook("post_sale")]).await;
        let record = app.record(&store, 0).await["id"].clone();
        for (trigger, target, place, expected) in [
            ("inventory_low", "price", "/data/product/Name", json!("Sencha, 100 g")),
            ("new_subscriber", "subscriber", "/data/Email", json!("ada@example.com")),
            ("store_updated", "store", "/data/slug", json!("the-store")),
            ("post_sale", "store", "/data/slug", json!("the-store")),
        ] {
            app.receiver.forget();
            let path = format!("/api/stores/{store}/extensions/{record}/test");
            app.post(&path, json!({"trigger": trigger})).await.expect(200);
            let sent = app.receiver.only().json();
            assert_eq!((&sent["target"]["type"], sent.pointer(place)), (&json!(target), Some(&expected)), "{sent:#}");
        }
    }

    async fn a_trial_sends_a_sample_and_leaves_nothing_behind(app: &TestApp) {
        app.receiver.answers("/hook", [Answer::status(200).body(format!("you sent {SECRET}"))]);
        let (path, store) = only_record(app, app.webhook("trigger:order_created")).await;
        app.run_until_idle().await;
        let before = (app.record(&store, 0).await, app.texts("SELECT uid FROM events").await);
        let tried = app.post(&format!("{path}/test"), json!({})).await;
        let trial = &tried.expect(200)["data"];
        let delivery = app.receiver.only();
        let sent = delivery.json();
        assert_eq!((&sent["test"], &sent["trigger"]), (&json!(true), &json!("trigger:order_created")));
        assert_eq!(sent["payload"]["order"]["id"], "sample-1001");
        assert_eq!((&trial["outcome"], &trial["counted"]), (&json!("done"), &json!(false)));
        assert_eq!(trial["event"], sent);
        assert_eq!(trial["exchanges"][0]["answer"]["body"], "you sent ********");
        app.run_until_idle().await;
        assert_eq!((app.record(&store, 0).await, app.texts("SELECT uid FROM events").await), before);
        assert!(app.runs().await.is_empty());
    }

    async fn a_trial_tells_what_went_wrong(app: &TestApp) {
        let (path, _) = only_record(app, app.webhook("trigger:post_sale")).await;
        for (status, outcome) in [(503, "retry"), (404, "discard"), (410, "gone")] {
            app.receiver.answers("/hook", [status]);
            let tried = app.post(&format!("{path}/test"), json!({ "trigger": "acme:door" })).await;
            assert_eq!(tried.expect(200)["data"]["outcome"], outcome);
        }
        app.receiver.answers("/hook", [Answer::hang()]);
        app.sql("UPDATE extensions SET config = '{\"policy\": {\"timeout_s\": 1}}'").await;
        let tried = app.post(&format!("{path}/test"), json!({})).await;
        assert_eq!(tried.expect(200)["data"]["outcome"], "retry");
        let active = app.texts("SELECT 'active' FROM extensions WHERE active").await;
        assert_eq!(active, ["active"], "a trial switches nothing off");
    }

    async fn a_dry_run_shows_the_request_and_sends_nothing(app: &TestApp) {
        let mut record = app.webhook("trigger:post_sale");
        record["url"] = json!(format!("{}?token={SECRET}", app.receiver.url("/hook")));
        let (path, _) = only_record(app, record).await;
        let shown = app.post(&format!("{path}/test?dry=true"), json!({ "payload": { "n": 1 } })).await;
        let trial = &shown.expect(200)["data"];
        let exchange = &trial["exchanges"][0];
        assert_eq!((&trial["outcome"], &exchange["error"]), (&json!("shown"), &json!("not sent: dry run")));
        assert_eq!((&exchange["answer"], &trial["counted"]), (&Value::Null, &json!(false)));
        assert_eq!(trial["message"], "not sent: dry run; what else is sent depends on the answer to this");
        assert_eq!(exchange["request"]["url"], format!("{}?token=********", app.receiver.url("/hook")));
        let body: Value = serde_json::from_str(exchange["request"]["body"].as_str().expect("a body")).expect("JSON");
        assert_eq!((&body["payload"]["n"], &body["test"]), (&json!(1), &json!(true)));
        assert!(exchange["request"]["headers"]["webhook-signature"].is_string(), "as it would be sent");
        assert!(app.receiver.received().is_empty());
    }

    async fn a_test_of_credentials_is_for_handlers_that_have_one(app: &TestApp) {
        app.receiver.answers("/webhooks/1/token", [Answer::status(200).body(r#"{"name": "Sales"}"#)]);
        let discord = json!({
            "key": "discord:webhook", "triggers": [],
            "credentials": { "webhook_url": app.receiver.url("/webhooks/1/token") },
        });
        let store = app.store(vec![discord, app.webhook("trigger:post_sale")]).await;
        let path = async |place| format!("/api/stores/{store}/extensions/{}/test", app.record(&store, place).await["id"]);
        let proved = app.post(&path(0).await, json!({ "credentials": true })).await;
        assert_eq!(proved.expect(200)["data"]["outcome"], "done", "{}", proved.text);
        assert_eq!(app.receiver.only().method, "GET", "nothing is posted");
        assert!(!proved.text.contains("/webhooks/1/token"), "{}", proved.text);
        app.post(&path(1).await, json!({ "credentials": true })).await.expect(400);
        app.post(&format!("{}?dry=true", path(0).await), json!({ "credentials": true })).await.expect(400);
    }

    async fn only_those_who_may_run_records_do(app: &TestApp) {
        let (path, _) = only_record(app, manual(app)).await;
        let others = [token(app, &["product.run", "store.update"]).await, token(app, &["store.run"]).await];
        for call in ["run", "test", "test?dry=true"] {
            let path = format!("{path}/{call}");
            app.with_token(None).post(&path, json!({})).await.expect(403);
            app.with_token(Some(&others[0])).post(&path, json!({})).await.expect(403);
            let done = app.with_token(Some(&others[1])).post(&path, json!({})).await;
            assert!([200, 202].contains(&done.status), "{}", done.text);
        }
        app.run_until_idle().await;
    }
}
