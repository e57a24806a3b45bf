//! Extension records, one by one.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::{Answered, Api, send};
use crate::support::app::TestApp;
use crate::support::on_both_databases;

async fn patch(api: &Api, path: &str, data: Value) -> Answered {
    send(api.request(Method::PATCH, path).json(&json!({ "data": data }))).await
}

/// The events that tell of content.
const OF_CONTENT: &str = "SELECT uid FROM events WHERE trigger NOT LIKE 'trigger:extension%'";

/// A published product with a price; the lists of the records of a store, the product, and the price, each of which has
/// one that posts to `/hook`; the product and the store stay as they are.
async fn holders(app: &TestApp) -> [String; 3] {
    let store = app.store(vec![app.webhook("post_sale")]).await;
    let product = json!({
        "Name": "Tea", "stores": [store], "extensions": [app.webhook("post_sale")],
        "PRICES": [{"Name": "50 g", "Price": 4, "extensions": [app.webhook("post_sale")]}],
    });
    let product = app.create("products", product).await;
    app.run_until_idle().await;
    let path = format!("/api/products/{}", product["documentId"].as_str().expect("a documentId"));
    let of_price = format!("{path}/prices/{}/extensions", product["PRICES"][0]["id"]);
    [format!("/api/stores/{store}/extensions"), format!("{path}/extensions"), of_price]
}

/// The path and message of the only problem.
#[track_caller]
fn problem(answer: &Answered) -> (String, String) {
    let problem = &answer.expect(400)["error"]["details"]["errors"][0];
    let path: Vec<_> = problem["path"].as_array().expect("a path").iter().filter_map(Value::as_str).collect();
    (path.join("/"), problem["message"].as_str().expect("a message").to_owned())
}

on_both_databases! {
    async fn a_record_is_added_read_changed_switched_and_removed_and_the_others_stay(app: &TestApp) {
        for list in holders(app).await {
            let first = app.get(&list).await.expect(200)["data"][0].clone();
            assert_eq!((&first["key"], &first["credentials"]), (&json!("custom:webhook"), &json!({"secret": "********"})));
            let record = json!({"key": "discord:webhook", "credentials": {"webhook_url": "https://discord.example/x"}, "config": {"color": 5}});
            let made = app.post(&list, json!({ "data": record })).await;
            let made_record = made.expect(201)["data"].clone();
            let one = format!("{list}/{}", made_record["id"]);
            assert_eq!(made_record["triggers"], json!(["trigger:post_sale"]), "its handler's own");
            assert_eq!(made_record["credentials"], json!({"webhook_url": "********"}));
            assert_eq!((&made_record["active"], &made_record["run_count"], &made_record["last_run"]), (&json!(true), &json!(0), &Value::Null));
            let read = app.get(&one).await;
            assert_eq!((read.expect(200), &read.headers["etag"]), (made.expect(201), &made.headers["etag"]));
            let asked = app.request(Method::GET, &one).header("If-None-Match", &made.headers["etag"]);
            assert_eq!(send(asked).await.status, 304);

            let changed = patch(app, &one, json!({"id": made_record["id"], "triggers": ["order_*"], "run_count": 7})).await;
            let mut expected = made_record.clone();
            expected["triggers"] = json!(["order_*"]);
            assert_eq!(changed.expect(200)["data"], expected, "what the server counts is its own");
            let off = app.post(&format!("{one}/toggle"), json!({"data": {}})).await;
            assert_eq!(off.expect(200)["data"]["active"], false);
            for _ in 0..2 {
                let on = app.post(&format!("{one}/toggle"), json!({"data": {"active": true}})).await;
                assert_eq!(on.expect(200)["data"]["active"], true);
            }
            assert_eq!(app.get(&list).await.expect(200)["meta"]["pagination"]["total"], 2);
            app.delete(&one).await.expect(204);
            app.delete(&one).await.expect(204);
            app.get(&one).await.expect(404);
            patch(app, &one, json!({"active": false})).await.expect(404);
            app.post(&format!("{one}/toggle"), json!({"data": {}})).await.expect(404);
            let left = app.get(&list).await.expect(200)["data"].clone();
            assert_eq!(left, json!([first]));
        }
    }

    async fn a_toggle_needs_no_body(app: &TestApp) {
        let [list, ..] = holders(app).await;
        let id = app.get(&list).await.expect(200)["data"][0]["id"].clone();
        let answer = send(app.request(Method::POST, &format!("{list}/{id}/toggle"))).await;
        assert_eq!(answer.expect(200)["data"]["active"], false);
    }

    async fn a_record_is_in_force_at_once_and_publishes_nothing(app: &TestApp) {
        for (place, list) in holders(app).await.into_iter().enumerate() {
            let path = list.split("/extensions").next().expect("a path").split("/prices").next().expect("a path").to_owned();
            let name = if place == 0 { "title" } else { "Name" };
            app.put(&format!("{path}?status=draft"), json!({"data": {name: "edited"}})).await.expect(200);
            let events = app.texts(OF_CONTENT).await.len();
            let hook = format!("/new-{place}");
            let made = app.post(&list, json!({"data": app.webhook_to(&hook, "acme:*")})).await.expect(201)["data"].clone();
            let published = app.get(&path).await;
            assert_ne!(published.expect(200)["data"][name], "edited", "the draft stays a draft");
            let price = list.split("/prices/").nth(1).and_then(|rest| rest.split('/').next());
            let price = price.map(|price| format!("&priceId={price}")).unwrap_or_default();
            let explained = app.get(&format!("{path}/explain?trigger=acme:x{price}")).await;
            let records = explained.expect(200)["data"]["records"].as_array().expect("a list").clone();
            assert!(records.iter().any(|record| record["id"] == made["id"] && record["fires"] == true), "{records:?}");
            assert_eq!(app.texts(OF_CONTENT).await.len(), events, "wiring is no content");
            if place < 2 {
                app.post(&format!("{path}/triggers/acme:x"), json!({})).await.expect(202);
                app.run_until_idle().await;
                assert!(app.receiver.received().iter().any(|sent| sent.path == hook));
            }
        }
    }

    async fn what_would_not_work_is_refused_with_its_path(app: &TestApp) {
        let url = app.receiver.url("/hook");
        for list in holders(app).await {
            for (record, path, part) in [
                (json!({"key": "custom:webhok", "url": url}), "key", "did you mean custom:webhook"),
                (json!({"url": url}), "key", "must be a `string`"),
                (json!({"key": "Custom", "url": url}), "key", "must match"),
                (json!({"key": "custom:webhook"}), "url", "needs a url"),
                (json!({"key": "custom:webhook", "url": "ftp://x.example"}), "url", "http"),
                (json!({"key": "custom:webhook", "url": url, "triggers": ["{"]}), "triggers", "no trigger pattern"),
                (json!({"key": "discord:webhook", "url": url, "config": {"color": "red"}}), "config/color", "expected u32"),
                (json!({"key": "posthog:track", "config": {"mapping": []}}), "config/mapping", "a map"),
                (json!({"key": "posthog:track"}), "credentials/api_key", "api_key"),
                (json!({"key": "posthog:track", "credentials": {"api_key": 12345678}}), "credentials/api_key", "expected a string"),
                (json!({"key": "custom:webhook", "url": url, "config": {"store_url": "https://u:p@s.example"}}), "config", "store_url"),
                (json!({"key": "custom:webhook", "url": url, "config": {"more": ["x", "redis://:p@s.example"]}}), "config", "more.1"),
                (json!({"key": "custom:webhook", "url": url, "config": {"policy": {"timeout_s": 0}}}), "config/policy.timeout_s", "1 to 900"),
                (json!({"key": "custom:webhook", "url": url, "config": {"policy": {"retries": 3}}}), "config/policy.retries", "is not known"),
                (json!({"key": "custom:webhook", "url": url, "credentials": {"secret": "********"}}), "credentials/secret", "masked"),
            ] {
                let answer = app.post(&list, json!({ "data": record })).await;
                let (told, message) = problem(&answer);
                assert!(told == path && message.contains(part), "{record}: {}", answer.text);
                assert!(!answer.text.contains("12345678"), "{}", answer.text);
            }
            let answer = app.post(&list, json!({"data": {"key": "custom:webhook", "url": url, "trigers": []}})).await;
            assert_eq!(answer.expect(400)["error"]["details"]["key"], "trigers");
            app.post(&format!("{list}?populate=x"), json!({"data": {}})).await.expect(400);
            assert_eq!(app.get(&list).await.expect(200)["meta"]["pagination"]["total"], 1, "nothing is left of it");
            let one = format!("{list}/{}", app.get(&list).await.expect(200)["data"][0]["id"]);
            for (change, path) in [
                (json!({"key": "nobody:here"}), "key"), (json!({"url": null}), "url"), (json!({"key": null}), "key"),
                (json!({"credentials": {"secret": "********", "pin": "********"}}), "credentials/pin"),
            ] {
                assert_eq!(problem(&patch(app, &one, change.clone()).await).0, path, "{change}");
            }
        }
    }

    async fn what_a_document_brought_in_can_be_mended_step_by_step(app: &TestApp) {
        let store = app.store(vec![json!({"key": "custom:webhok", "triggers": ["acme:*"]})]).await;
        app.run_until_idle().await;
        let list = format!("/api/stores/{store}/extensions");
        let one = format!("{list}/{}", app.record(&store, 0).await["id"]);
        for data in [json!({"triggers": ["acme:x"]}), json!({"active": false}), json!({"active": true})] {
            let answer = patch(app, &one, data).await;
            assert_eq!(answer.expect(200)["meta"]["warnings"][0]["path"], json!(["key"]));
        }
        app.post(&format!("{one}/toggle"), json!({"data": {"active": false}})).await.expect(200);
        let on = app.post(&format!("{one}/toggle"), json!({"data": {"active": true}})).await;
        assert_eq!(on.expect(200)["meta"]["warnings"][0]["path"], json!(["key"]));
        assert_eq!(problem(&patch(app, &one, json!({"key": "custom:webhook"})).await).0, "url");
        let mended = patch(app, &one, json!({"key": "custom:webhook", "url": app.receiver.url("/hook")})).await;
        assert_eq!(mended.expect(200)["meta"], json!({}));
    }

    async fn masks_keep_secrets_and_new_secrets_are_used(app: &TestApp) {
        for list in holders(app).await {
            let record = app.get(&list).await.expect(200)["data"][0].clone();
            let one = format!("{list}/{}", record["id"]);
            let sealed = "SELECT credentials FROM extensions ORDER BY id";
            patch(app, &one, record.clone()).await.expect(200);
            assert!(app.texts(sealed).await.iter().all(|sealed| sealed.starts_with("v1:")));
            patch(app, &one, json!({"triggers": ["*"], "credentials": {"secret": "********", "algorithm": "sha256"}})).await.expect(200);
            let read = app.get(&one).await;
            assert_eq!(read.expect(200)["data"]["credentials"], json!({"secret": "********", "algorithm": "sha256"}));
        }
        let store = app.get("/api/stores").await.expect(200)["data"][0]["documentId"].as_str().expect("an id").to_owned();
        app.emit(&store, "acme:signed", json!({})).await;
        app.run_until_idle().await;
        let sent = app.receiver.received().pop().expect("a delivery");
        assert!(!sent.header("webhook-signature").is_empty() && !sent.header("x-webhook-signature").is_empty());
    }

    async fn a_change_of_a_record_is_one_of_its_document_guarded_and_done_once(app: &TestApp) {
        for list in holders(app).await {
            let document = list.split("/extensions").next().expect("a path").split("/prices").next().expect("a path");
            let seen = app.get(document).await;
            seen.expect(200);
            let (tag, record) = (seen.headers["etag"].clone(), app.webhook("acme:x"));
            let post = |key: &str| {
                let request = app.request(Method::POST, &list).header("If-Match", &tag).header("Idempotency-Key", key);
                send(request.json(&json!({ "data": record })))
            };
            let (first, second) = (format!("{list} 1"), format!("{list} 2"));
            let made = post(&first).await;
            made.expect(201);
            assert_ne!(app.get(document).await.headers["etag"], tag, "what was kept is old");
            let again = post(&first).await;
            assert_eq!((again.status, &again.headers["idempotent-replayed"], &again.text), (201, &"true".parse().expect("a header"), &made.text));
            assert_eq!(post(&second).await.status, 412);
            let one = format!("{list}/{}", made.json["data"]["id"]);
            let delete = |tag| send(app.request(Method::DELETE, &one).header("If-Match", tag));
            assert_eq!(delete(&tag).await.status, 412);
            assert_eq!(delete(&made.headers["etag"]).await.status, 204);
            let toggled = app.request(Method::POST, &format!("{one}/toggle")).header("If-Match", &tag);
            assert_eq!(send(toggled).await.status, 412);
        }
    }

    async fn a_list_is_filtered_and_paged(app: &TestApp) {
        let url = app.receiver.url("/hook");
        let record = |key: &str, active: Value| json!({"key": key, "url": url, "active": active});
        let store = app.store(vec![
            record("custom:webhook", json!(true)), record("custom:webhook", json!(false)), record("custom:webhook", Value::Null),
            record("discord:webhook", json!(true)),
        ]).await;
        let list = format!("/api/stores/{store}/extensions");
        for (query, count, total) in [
            ("", 4, 4), ("?key=custom:webhook", 3, 3), ("?active=true", 2, 2), ("?active=false", 2, 2),
            ("?key=custom:webhook&active=true", 1, 1), ("?key=no:one", 0, 0),
            ("?pagination[page]=2&pagination[pageSize]=3", 1, 4),
        ] {
            let answer = app.get(&format!("{list}{query}")).await;
            let found = answer.expect(200)["data"].as_array().expect("a list").len();
            assert_eq!((found, &answer.json["meta"]["pagination"]["total"]), (count, &json!(total)), "{query}");
        }
        for query in ["?active=perhaps", "?keys=x", "?pagination[page]=0"] {
            app.get(&format!("{list}{query}")).await.expect(400);
        }
    }

    async fn only_whoever_may_manage_records_does(app: &TestApp) {
        let [of_store, of_product, of_price] = holders(app).await;
        let token = async |name: &str, data: Value| {
            let mut data = data;
            data["name"] = json!(name);
            let made = app.post("/tenon/tokens", json!({ "data": data })).await;
            app.with_token(made.expect(201)["data"]["token"].as_str())
        };
        let custom = |names: &[&str]| json!({"kind": "custom", "permissions": names});
        let reader = token("reader", json!({"kind": "read-only"})).await;
        let editor = token("editor", custom(&["product.findOne", "product.update"])).await;
        let keeper = token("keeper", custom(&["product.extensions"])).await;
        let anyone = app.with_token(None);
        for list in [&of_store, &of_product, &of_price] {
            let one = format!("{list}/{}", app.get(list).await.expect(200)["data"][0]["id"]);
            for caller in [&anyone, &reader, &editor] {
                caller.post(list, json!({"data": app.webhook("x")})).await.expect(403);
                patch(caller, &one, json!({"active": false})).await.expect(403);
                caller.post(&format!("{one}/toggle"), json!({"data": {}})).await.expect(403);
                caller.delete(&one).await.expect(403);
            }
            let is_store = list == &of_store;
            for path in [list, &one] {
                anyone.get(path).await.expect(403);
                reader.get(path).await.expect(200);
                for caller in [&editor, &keeper] {
                    caller.get(path).await.expect(if is_store { 403 } else { 200 });
                }
            }
            patch(&keeper, &one, json!({"active": false})).await.expect(if is_store { 403 } else { 200 });
        }
        let nothing = of_product.replace("/api/products/", "/api/products/z");
        keeper.get(&nothing).await.expect(404);
        keeper.post(&nothing, json!({"data": app.webhook("x")})).await.expect(404);
        keeper.delete(&format!("{nothing}/1")).await.expect(204);
        app.get("/api/shops/x/extensions").await.expect(404);
        app.get(&format!("{of_store}/none")).await.expect(404);
        let other = format!("{of_product}/{}", app.get(&of_price).await.expect(200)["data"][0]["id"]);
        app.get(&other).await.expect(404);
    }
}
