//! Changes that are sent again under the same key are made once.

use reqwest::Method;
use serde_json::{Value, json};
use tenon::clock::DAY;
use tenon::db::Sql;

use crate::support::api::{Answered, Api, TOKEN, send};
use crate::support::app::TestApp;
use crate::support::on_both_databases;

async fn under(api: &Api, key: &str, method: Method, path: &str, data: Value) -> Answered {
    send(api.request(method, path).header("Idempotency-Key", key).json(&json!({ "data": data }))).await
}

fn is_repeated(answer: &Answered) -> bool {
    answer.headers.get("idempotent-replayed").is_some_and(|value| value == "true")
}

async fn total(api: &Api, plural: &str) -> Value {
    api.get(&format!("/api/{plural}?status=draft")).await.expect(200)["meta"]["pagination"]["total"].clone()
}

on_both_databases! {
    async fn each_kind_of_change_is_made_once_for_a_key(app: &TestApp) {
        let tea = json!({"Name": "Tea", "PRICES": [{"Price": 4, "extensions": [app.webhook("post_sale")]}]});
        let created = under(app, "create", Method::POST, "/api/products?populate[PRICES][populate]=extensions", tea.clone()).await;
        let path = format!("/api/products/{}", created.expect(201)["data"]["documentId"].as_str().expect("an id"));
        let mut sent = vec![("create", Method::POST, "/api/products?populate[PRICES][populate]=extensions".to_owned(), tea, created)];
        for (key, method, end, data) in [
            ("update", Method::PUT, "", json!({"Name": "Green tea"})),
            ("draft", Method::PUT, "?status=draft", json!({"Name": "White tea"})),
            ("discard", Method::POST, "/actions/discard", json!({})),
            ("unpublish", Method::POST, "/actions/unpublish", json!({})),
            ("publish", Method::POST, "/actions/publish", json!({})),
            ("delete", Method::DELETE, "", json!({})),
        ] {
            let path = format!("{path}{end}");
            let first = under(app, key, method.clone(), &path, data.clone()).await;
            assert!(first.status < 300 && !is_repeated(&first), "{key}: {}", first.text);
            sent.push((key, method, path, data, first));
        }
        let events = app.get("/tenon/events").await.expect(200)["meta"]["pagination"]["total"].clone();
        for (key, method, path, data, first) in sent {
            let again = under(app, key, method, &path, data).await;
            assert!(is_repeated(&again), "{key}");
            assert_eq!((again.status, &again.text), (first.status, &first.text), "{key}");
            assert_eq!(again.headers.get("etag"), first.headers.get("etag"), "{key}");
        }
        assert_eq!(app.get("/tenon/events").await.expect(200)["meta"]["pagination"]["total"], events, "nothing was told twice");
        assert_eq!(total(app, "products").await, 0);
    }

    async fn no_two_callers_share_a_key_whatever_they_are_called(app: &TestApp) {
        let (mut callers, store) = (Vec::new(), app.store(vec![app.webhook("none")]).await);
        for name in ["a", "a/b", "a%2Fb", "a%"] {
            let made = app.post("/tenon/tokens", json!({"data": {"name": name, "kind": "full-access"}})).await;
            callers.push(app.with_token(made.expect(201)["data"]["token"].as_str()));
        }
        let triggers = format!("/api/stores/{store}/triggers/acme:sold");
        let run = format!("/api/stores/{store}/extensions/{}/run", app.record(&store, 0).await["id"]);
        let (mut made, mut events) = (0, Vec::new());
        for caller in &callers {
            for key in ["b/c", "c", "/c", "2Fb/c"] {
                let store = json!({"title": "One", "slug": format!("s{made}")});
                let answer = under(caller, key, Method::POST, "/api/stores", store).await;
                assert!(!is_repeated(&answer), "{key}: {}", answer.expect(201));
                for path in [&triggers, &run] {
                    let body = if path == &run { json!({"trigger": "acme:sold"}) } else { json!({}) };
                    let answer = send(caller.request(Method::POST, path).header("Idempotency-Key", key).json(&body)).await;
                    let told = answer.expect(202)["data"].clone();
                    events.push(told.get("id").or(told.get("eventId")).expect("an event").to_string());
                }
                made += 1;
            }
        }
        events.sort();
        events.dedup();
        assert_eq!(events.len(), 2 * made, "each was something of its own");
        app.run_until_idle().await;
    }

    async fn a_key_belongs_to_one_request_of_one_caller(app: &TestApp) {
        let made = app.post("/tenon/tokens", json!({"data": {"name": "other", "kind": "full-access"}})).await;
        let other = app.with_token(Some(made.expect(201)["data"]["token"].as_str().expect("a token")));
        under(app, "k", Method::POST, "/api/stores", json!({"title": "One", "slug": "one"})).await.expect(201);
        for (path, data) in [
            ("/api/stores", json!({"title": "Two", "slug": "two"})),
            ("/api/stores?status=draft", json!({"title": "One", "slug": "one"})),
            ("/api/products", json!({"title": "One", "slug": "one"})),
        ] {
            let refused = under(app, "k", Method::POST, path, data).await;
            assert!([400, 409].contains(&refused.status), "{path}: {}", refused.text);
        }
        let theirs = under(&other, "k", Method::POST, "/api/stores", json!({"title": "Two", "slug": "two"})).await;
        assert!(theirs.status == 201 && !is_repeated(&theirs));
        assert_eq!(total(app, "stores").await, 2);
    }

    async fn a_token_made_anew_under_a_name_has_keys_of_its_own(app: &TestApp) {
        let store = app.store(vec![app.webhook("none")]).await;
        let triggers = format!("/api/stores/{store}/triggers/acme:sold");
        let run = format!("/api/stores/{store}/extensions/{}/run", app.record(&store, 0).await["id"]);
        // The token of the configuration is called bootstrap too.
        let mut callers = vec![app.with_token(Some(TOKEN))];
        for name in ["reuse", "reuse", "bootstrap"] {
            let made = app.post("/tenon/tokens", json!({"data": {"name": name, "kind": "full-access"}})).await;
            let token = made.expect(201)["data"].clone();
            let caller = app.with_token(token["token"].as_str());
            for path in [&triggers, &run] {
                let body = if path == &run { json!({"trigger": "acme:sold"}) } else { json!({}) };
                let sent = send(caller.request(Method::POST, path).header("Idempotency-Key", "k").json(&body)).await;
                sent.expect(202);
            }
            let answer = under(&caller, "k", Method::POST, "/api/products", json!({"Name": "Tea"})).await;
            assert!(!is_repeated(&answer), "{name}: {}", answer.text);
            let again = under(&caller, "k", Method::POST, "/api/products", json!({"Name": "Tea"})).await;
            assert!(is_repeated(&again), "{name}: {}", again.text);
            if name == "reuse" {
                app.delete(&format!("/tenon/tokens/{}", token["id"])).await.expect(204);
            }
            callers.push(caller);
        }
        let first = under(&callers[0], "k", Method::POST, "/api/products", json!({"Name": "Tea"})).await;
        assert!(!is_repeated(&first), "{}", first.text);
        assert_eq!(total(app, "products").await, 4);
        assert_eq!(app.texts("SELECT uid FROM events WHERE trigger = 'trigger:acme:sold'").await.len(), 6);
        app.run_until_idle().await;
    }

    async fn a_change_that_was_refused_may_be_sent_again(app: &TestApp) {
        let nameless = || under(app, "k", Method::POST, "/api/stores", json!({"slug": "one"}));
        nameless().await.expect(400);
        nameless().await.expect(400);
        under(app, "k", Method::POST, "/api/stores", json!({"title": "One", "slug": "one"})).await.expect(201);
    }

    async fn a_key_is_remembered_for_a_day(app: &TestApp) {
        let create = || under(app, "k", Method::POST, "/api/products", json!({"Name": "One"}));
        let first = create().await;
        app.advance(DAY - 1);
        assert_eq!(create().await.expect(201)["data"]["documentId"], first.json["data"]["documentId"]);
        app.advance(1);
        assert_ne!(create().await.expect(201)["data"]["documentId"], first.json["data"]["documentId"]);
        assert_eq!(total(app, "products").await, 2);
        app.advance(DAY);
        tenon::runner::prune(&app.state).await.expect("old keys go");
        let left = app.state.db.read(|conn| conn.first(&Sql::new("SELECT count(*) FROM idempotency_keys"), |row| row.int(0)));
        assert_eq!(left.await.expect("a count"), Some(0));
    }

    async fn whoever_sends_twice_at_once_is_answered_the_same(app: &TestApp) {
        let create = || under(app, "k", Method::POST, "/api/products", json!({"Name": "One"}));
        let answers = futures_util::future::join_all((0..12).map(|_| create())).await;
        for answer in &answers {
            assert_eq!(answer.expect(201)["data"]["documentId"], answers[0].json["data"]["documentId"]);
        }
        assert_eq!(answers.iter().filter(|answer| !is_repeated(answer)).count(), 1);
        assert_eq!(total(app, "products").await, 1);
    }

    async fn a_key_must_be_one(app: &TestApp) {
        for key in ["", &"k".repeat(256)] {
            let refused = under(app, key, Method::POST, "/api/products", json!({"Name": "One"})).await;
            assert_eq!(refused.expect(400)["error"]["details"]["errors"][0]["path"], json!(["Idempotency-Key"]));
        }
    }
}
