//! Runs and events as they are read.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::on_both_databases;

/// Emits three triggers for a store of which one record fails, and returns the store.
async fn some_history(app: &TestApp) -> String {
    app.receiver.answers("/bad", [400]);
    let records = vec![app.webhook_to("/hook", "trigger:*_sale"), app.webhook_to("/bad", "trigger:post_sale")];
    let store = app.store(records).await;
    app.run_until_idle().await;
    for trigger in ["pre_sale", "post_sale", "order_created"] {
        app.emit(&store, trigger, json!({})).await;
        app.run_until_idle().await;
    }
    store
}

async fn count(app: &TestApp, path: &str) -> (usize, i64) {
    let answer = app.get(path).await;
    let body = answer.expect(200);
    let total = body["meta"]["pagination"]["total"].as_i64().expect("a total");
    (body["data"].as_array().expect("a list").len(), total)
}

on_both_databases! {
    async fn runs_are_listed_newest_first_and_filtered(app: &TestApp) {
        let store = some_history(app).await;
        assert_eq!(count(app, "/tenon/runs").await, (3, 3));
        for (filter, expected) in [
            ("state=completed", 2),
            ("state=dead", 1),
            ("state=available", 0),
            ("state=running", 0),
            ("state=retryable", 0),
            ("state=skipped", 0),
            ("key=custom:webhook", 3),
            ("key=posthog:track", 0),
            ("trigger=post_sale", 2),
            ("trigger=trigger:pre_sale&state=completed", 1),
            (&format!("store={store}"), 3),
            (&format!("document={store}&state=dead"), 1),
            ("store=nobody", 0),
            ("extension=999", 0),
        ] {
            assert_eq!(count(app, &format!("/tenon/runs?{filter}")).await.1, expected, "{filter}");
        }
        let page = app.get("/tenon/runs?pagination[page]=2&pagination[pageSize]=2").await;
        let page = page.expect(200);
        assert_eq!(page["meta"]["pagination"], json!({"page": 2, "pageSize": 2, "pageCount": 2, "total": 3}));
        assert_eq!(page["data"][0]["trigger"], "trigger:pre_sale");
        assert!(page["data"][0].get("attempts").is_none());
    }

    async fn a_run_is_found_with_its_attempts_and_its_event(app: &TestApp) {
        let store = some_history(app).await;
        let dead = app.get("/tenon/runs?state=dead").await.expect(200)["data"][0].clone();
        let found = app.get(&format!("/tenon/runs/{}", dead["id"].as_str().expect("an id"))).await;
        let (run, event) = (&found.expect(200)["data"]["run"], &found.json["data"]["event"]);
        assert_eq!((&run["state"], &run["reason"]), (&json!("dead"), &json!("400 Bad Request")));
        assert_eq!(run["attempts"][0]["exchanges"][0]["answer"]["status"], 400);
        assert_eq!(run["extension"]["owner"], json!({"type": "store", "documentId": store}));
        assert_eq!((&event["id"], &event["trigger"]), (&run["eventId"], &json!("trigger:post_sale")));
        assert_eq!(app.get("/tenon/runs/run_x").await.status, 404);
    }

    async fn an_event_is_found_with_its_runs(app: &TestApp) {
        let store = some_history(app).await;
        let listed = app.get(&format!("/tenon/events?trigger=post_sale&store={store}&document={store}")).await;
        let event = &listed.expect(200)["data"][0];
        assert!(event["dispatchedAt"].is_string() && listed.json["meta"]["pagination"]["total"] == 1, "{event}");
        let id = event["id"].as_str().expect("an id");
        let found = app.get(&format!("/tenon/events/{id}")).await;
        let states: Vec<_> = found.expect(200)["data"]["runs"].as_array().expect("runs").iter().collect();
        assert_eq!(states.len(), 2);
        assert!(states.iter().all(|run| run["eventId"] == id));
        assert_eq!(count(app, &format!("/tenon/runs?event={id}")).await.1, 2);
        assert_eq!(app.get("/tenon/events/evt_x").await.status, 404);
    }

    async fn the_directory_tells_what_each_handler_needs(app: &TestApp) {
        let listed = app.get("/tenon/handlers").await;
        let keys: Vec<_> = listed.expect(200)["data"].as_array().expect("a list").iter().map(|one| &one["key"]).collect();
        let table = tenon::extensions::registry().expect("one handler for each key");
        let expected: Vec<_> = table.entries().map(|entry| entry.descriptor().key).collect();
        assert_eq!(keys, expected);
        assert!(expected.is_sorted() && expected.contains(&"custom:inbound"), "{expected:?}");
        let found = app.get("/tenon/handlers/posthog:track").await;
        let found = &found.expect(200)["data"];
        assert_eq!(found["credentialsSchema"]["properties"]["api_key"]["format"], "password");
        assert_eq!((&found["needsUrl"], &found["maxAttempts"]), (&json!(false), &json!(8)));
        let unknown = app.get("/tenon/handlers/custom:webhok").await;
        assert_eq!((unknown.status, app.with_token(None).get("/tenon/handlers").await.status), (404, 403));
    }

    async fn what_is_not_understood_is_refused(app: &TestApp) {
        for (path, part) in [
            ("/tenon/runs?stat=dead", "stat"),
            ("/tenon/runs?state=done", "available, running"),
            ("/tenon/runs?trigger=a%20b", "' '"),
            ("/tenon/runs?extension=x", "number"),
            ("/tenon/runs?populate=event", "attempts"),
            ("/tenon/runs?pagination[pageSize]=1000", "100"),
            ("/tenon/runs?pagination[page]=0", "from 1"),
            ("/tenon/events?state=dead", "state"),
        ] {
            let answer = app.get(path).await;
            let message = answer.expect(400)["error"]["message"].as_str().unwrap_or_default();
            assert!(message.contains(part), "{path}: {}", answer.text);
        }
        for path in ["/tenon/runs", "/tenon/runs/run_1", "/tenon/events", "/tenon/events/evt_1"] {
            let answer = app.with_token(None).get(path).await;
            assert_eq!((answer.status, &answer.json["data"]), (403, &Value::Null), "{path}");
        }
    }
}
