//! SendGrid and PostHog through the whole program: a record, an event, a run, and what it leaves behind.

use std::time::Duration;

use serde_json::{Value, json};
use tenon::clock::iso;

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::receiver::Answer;

const LIST: &str = "199abb98-0af3-4a8d-b371-6811ff85d062";
const MAIL: &str = "/v3/mail/send";

fn sendgrid(app: &TestApp, key: &str, triggers: Value, config: Value) -> Value {
    let credentials = json!({"api_key": "SG.key.of-the-tests"});
    json!({"key": key, "triggers": triggers, "credentials": credentials, "config": config, "url": app.receiver.url("")})
}

fn order() -> Value {
    json!({
        "order": {"id": "1001", "total": 25.8, "currency": "EUR"},
        "customer": {"email": "ada@example.com", "name": "Ada Lovelace"},
        "items": [{"name": "Sencha", "quantity": 2, "price": 12.9}],
    })
}

/// The methods and paths of what the receiver got.
fn asked(app: &TestApp) -> Vec<String> {
    app.receiver.received().iter().map(|request| format!("{} {}", request.method, request.path)).collect()
}

on_both_databases! {
    async fn a_subscriber_is_put_on_the_list_and_taken_from_it(app: &TestApp) {
        let job = Answer::status(202).body(r#"{"job_id": "job-1"}"#);
        let contact = json!({"result": {"ada@example.com": {"contact": {"id": "c-1", "list_ids": [LIST]}}}});
        app.receiver.answers("/v3/marketing/contacts", [job]);
        app.receiver.answers("/v3/marketing/contacts/search/emails", [Answer::status(200).body(contact.to_string())]);
        app.receiver.answers("/v3/marketing/contacts/imports/job-1", [Answer::status(200).body(r#"{"status": "completed"}"#)]);
        let triggers = json!(["trigger:new_subscriber", "trigger:subscriber_*"]);
        let record = sendgrid(app, "markket:sendgrid:newsletter", triggers, json!({"list_ids": [LIST]}));
        let store = app.store(vec![record]).await;
        let subscriber = app.create("subscribers", json!({"Email": "ada@example.com", "active": true, "stores": [store]})).await;
        app.run_until_idle().await;

        let search = "POST /v3/marketing/contacts/search/emails".to_owned();
        assert_eq!(asked(app), ["PUT /v3/marketing/contacts", &search], "what was noted leads to nothing more");
        let id = subscriber["documentId"].as_str().expect("an id");
        let path = format!("/api/subscribers/{id}");
        let known = app.get(&path).await.expect(200)["data"].clone();
        let told = ["sendgrid_contact_id", "sendgrid_list_ids", "sync_status"].map(|name| known[name].clone());
        assert_eq!(json!(told), json!(["c-1", [LIST], "synced"]));
        assert!(known["last_synced_at"].is_string(), "{known}");
        assert_eq!(app.record(&store, 0).await["meta"][format!("sync:{id}")]["job"], "job-1");
        let messages: Vec<_> = app.runs().await.iter().map(|run| run["attempts"][0]["message"].clone()).collect();
        assert_eq!(messages.len(), 2, "the own change is seen once and leads to nothing: {messages:?}");
        assert_eq!(messages[0], "nothing to tell SendGrid: only what it said was noted");

        app.receiver.forget();
        app.put(&path, json!({"data": {"active": false}})).await.expect(200);
        app.run_until_idle().await;
        let removal = format!("DELETE /v3/marketing/lists/{LIST}/contacts?contact_ids=c-1");
        assert!(asked(app).contains(&removal) && !asked(app).contains(&"PUT /v3/marketing/contacts".to_owned()));
        let known = app.get(&path).await.expect(200)["data"].clone();
        assert_eq!((&known["sync_status"], &known["sendgrid_list_ids"]), (&json!("unsubscribed"), &json!([])));
        assert!(app.runs().await.iter().all(|run| run["state"] == "completed"));
    }

    /// Side by side, the second would find nobody on the list, and the first then put them there for good.
    async fn whoever_leaves_at_once_is_off_the_list_in_the_end(app: &TestApp) {
        let slow = Answer::status(202).body(r#"{"job_id": "job-1"}"#).after(Duration::from_millis(300));
        let contact = json!({"result": {"ada@example.com": {"contact": {"id": "c-1", "list_ids": [LIST]}}}});
        app.receiver.answers("/v3/marketing/contacts", [slow]);
        app.receiver.answers("/v3/marketing/contacts/search/emails", [Answer::status(200).body(contact.to_string())]);
        app.receiver.answers("/v3/marketing/contacts/imports/job-1", [Answer::status(200).body(r#"{"status": "completed"}"#)]);
        let triggers = json!(["trigger:new_subscriber", "trigger:subscriber_unsubscribed"]);
        let record = sendgrid(app, "markket:sendgrid:newsletter", triggers, json!({"list_ids": [LIST]}));
        let store = app.store(vec![record]).await;
        let subscriber = app.create("subscribers", json!({"Email": "ada@example.com", "active": true, "stores": [store]})).await;
        let id = subscriber["documentId"].as_str().expect("an id");
        let left = json!({"active": false, "unsubscribed_at": "2026-11-21T10:00:00.000Z"});
        app.put(&format!("/api/subscribers/{id}"), json!({"data": left})).await.expect(200);
        app.run_until_idle().await;
        let search = "POST /v3/marketing/contacts/search/emails";
        let removal = format!("DELETE /v3/marketing/lists/{LIST}/contacts?contact_ids=c-1");
        let job = "GET /v3/marketing/contacts/imports/job-1";
        assert_eq!(asked(app), ["PUT /v3/marketing/contacts", search, job, search, &removal]);
        let left = app.runs().await.into_iter().find(|run| run["trigger"] == "trigger:subscriber_unsubscribed").expect("a run");
        let memory = app.record(&store, 0).await["meta"][format!("sync:{id}")].clone();
        let event = app.get(&format!("/tenon/events/{}", left["eventId"].as_str().expect("an id"))).await.expect(200)["data"].clone();
        assert_eq!(memory["at"].as_i64().map(iso), event["event"]["occurredAt"].as_str().map(str::to_owned), "{memory} {event}");
    }

    async fn a_sale_that_is_told_twice_at_once_is_confirmed_once_where_its_policy_keeps_order(app: &TestApp) {
        let slow = Answer::status(202).header("x-message-id", "m-1").after(Duration::from_millis(300));
        app.receiver.answers(MAIL, [slow]);
        let config = json!({"from_email": "hello@north.example", "policy": {"ordering": "target"}});
        let triggers = json!(["post_sale", "order_created"]);
        let store = app.store(vec![sendgrid(app, "markket:sendgrid:order_confirm", triggers, config)]).await;
        for trigger in ["post_sale", "order_created", "post_sale"] {
            app.emit(&store, trigger, order()).await;
        }
        app.run_until_idle().await;
        app.receiver.only();
        let runs = app.runs().await;
        assert_eq!((runs.len(), runs.iter().all(|run| run["state"] == "completed")), (3, true), "{runs:#?}");
    }

    async fn an_order_is_confirmed_once_whatever_is_lost_or_replayed(app: &TestApp) {
        app.receiver.answers(MAIL, [Answer::cut_short(), Answer::status(202).header("x-message-id", "m-1")]);
        let config = json!({"from_email": "hello@north.example"});
        let store = app.store(vec![sendgrid(app, "markket:sendgrid:order_confirm", json!(["post_sale"]), config)]).await;
        app.emit(&store, "post_sale", order()).await;
        app.run_until_idle().await;
        let sent = app.receiver.received();
        let ids: Vec<_> = sent.iter().map(|request| request.json()["headers"]["Message-ID"].clone()).collect();
        assert_eq!((ids.len(), &ids[0]), (2, &ids[1]), "both attempts are one message to a mailbox");
        let run = app.only_run().await;
        assert_eq!((&run["state"], &app.record(&store, 0).await["meta"]["mail:order 1001"]), (&json!("completed"), &json!("m-1")));

        let replay = app.post(&format!("/tenon/runs/{}/replay", run["id"].as_str().expect("an id")), json!({})).await;
        assert!(replay.status < 300, "{}", replay.text);
        app.emit(&store, "post_sale", order()).await;
        app.run_until_idle().await;
        assert_eq!(app.receiver.received().len(), 2, "neither the replay nor the second event sent a mail");
        assert!(app.runs().await.iter().all(|run| run["state"] == "completed"));
    }

    async fn a_stock_that_runs_low_is_told_of_and_a_newcomer_is_greeted(app: &TestApp) {
        app.receiver.answers(MAIL, [Answer::status(202).header("x-message-id", "m-1")]);
        let alert = json!({"from_email": "hello@north.example", "to": ["stock@north.example"]});
        let welcome = json!({"from_email": "hello@north.example"});
        let store = app.store(vec![
            sendgrid(app, "markket:sendgrid:inventory_alert", json!(["inventory_*"]), alert),
            sendgrid(app, "markket:sendgrid:welcome", json!(["new_subscriber"]), welcome),
        ]).await;
        let prices = json!([{"Name": "100 g", "Price": 12.9, "Currency": "EUR", "inventory": 6}]);
        let product = app.create("products", json!({"Name": "Sencha", "PRICES": prices, "stores": [store]})).await;
        let (id, price) = (product["documentId"].as_str().expect("an id"), &product["PRICES"][0]["id"]);
        let inventory = format!("/api/products/{id}/prices/{price}/inventory");
        app.post(&inventory, json!({"op": "decrement", "quantity": 2})).await.expect(200);
        app.create("subscribers", json!({"Email": "grace@example.com", "active": true, "stores": [store]})).await;
        app.run_until_idle().await;
        let mut subjects: Vec<_> = app.receiver.received().iter().map(|request| request.json()["subject"].clone()).collect();
        subjects.sort_by_key(ToString::to_string);
        assert_eq!(subjects, ["Stock: 4 left of Sencha, 100 g", "Welcome to The store"]);
    }

    async fn flags_are_kept_with_the_record_and_updated_by_a_second_run(app: &TestApp) {
        let flags = |on: bool| {
            let flags = json!({"checkout": {"enabled": on, "variant": null}});
            Answer::status(200).body(json!({"flags": flags, "errorsWhileComputingFlags": false, "requestId": "r"}).to_string())
        };
        app.receiver.answers("/flags/?v=2", [flags(true), flags(false)]);
        app.receiver.answers("/i/v0/e/", [Answer::status(200).body(r#"{"status": "Ok"}"#)]);
        let record = |key: &str| {
            json!({"key": key, "triggers": ["post_sale"], "credentials": {"api_key": "phc_of-the-tests"}, "url": app.receiver.url("")})
        };
        let records = ["posthog:feature_flag", "posthog:identify", "posthog:track"].map(record);
        let store = app.store(records.into()).await;
        for expected in [true, false] {
            app.emit(&store, "post_sale", order()).await;
            app.run_until_idle().await;
            let meta = app.record(&store, 0).await["meta"].clone();
            assert_eq!(meta.as_object().map(serde_json::Map::len), Some(1), "{meta}");
            assert_eq!(meta["flags:ada@example.com"]["values"], json!({"checkout": expected}));
        }
        let captured = app.receiver.received().into_iter().filter(|request| request.path == "/i/v0/e/");
        let mut names: Vec<_> = captured.map(|request| request.json()["event"].clone()).collect();
        names.sort_by_key(ToString::to_string);
        assert_eq!(names, ["$identify", "$identify", "post_sale", "post_sale"]);
        let kept = json!(app.runs().await).to_string();
        assert!(!kept.contains("phc_of-the-tests"), "the key is no part of what is kept");
    }
}
