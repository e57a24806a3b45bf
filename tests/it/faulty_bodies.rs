//! Bodies with several faults, and with faults in relations: all that Strapi tells, in its order.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::{Answered, send};
use crate::support::app::TestApp;
use crate::support::on_both_databases;

/// Sends a body that the OpenAPI document does not describe.
async fn sent(app: &TestApp, method: Method, path: &str, data: Value) -> Answered {
    // The older form of documents is not looked up in the OpenAPI document.
    let request = app.request(method, path).header("Strapi-Response-Format", "flat");
    send(request.json(&json!({ "data": data }))).await
}

/// The places of the problems and the beginnings of their messages.
fn told(answer: &Answered) -> Vec<String> {
    let problems = answer.expect(400)["error"]["details"]["errors"].as_array().cloned().unwrap_or_default();
    problems.iter().map(|problem| problem["message"].as_str().unwrap_or_default().to_owned()).collect()
}

on_both_databases! {
    async fn all_faults_of_a_body_are_told_in_the_order_of_the_fields(app: &TestApp) {
        app.create("stores", json!({"title": "a", "slug": "taken"})).await;
        let unique = "This attribute must be unique";
        let missing = "title must be a `string` type, but the final value was: `null`.";
        for (data, expected) in [
            (json!({"slug": "taken"}), vec![missing, unique]),
            (json!({"slug": "taken", "extensions": [{"key": "BAD"}]}), vec![missing, unique, "extensions[0].key must match"]),
            // What not even a draft may be is told alone: a draft is made first.
            (json!({"title": 5, "slug": "taken"}), vec!["title must be a `string` type, but the final value was: `5`."]),
            (json!({"active": "maybe"}), vec!["active must be a `boolean` type"]),
        ] {
            let found = told(&sent(app, Method::POST, "/api/stores", data.clone()).await);
            assert_eq!(found.len(), expected.len(), "{data}: {found:?}");
            assert!(found.iter().zip(expected).all(|(found, expected)| found.starts_with(expected)), "{data}: {found:?}");
        }
        let draft = sent(app, Method::POST, "/api/stores?status=draft", json!({})).await;
        let path = format!("/api/stores/{}", draft.expect(201)["data"]["documentId"].as_str().expect("an id"));
        let found = told(&sent(app, Method::PUT, &path, json!({"slug": "taken"})).await);
        assert_eq!(found, [missing, unique], "what was saved before counts, too");
        let kept = app.get(&format!("{path}?status=draft")).await;
        assert_eq!(kept.expect(200)["data"]["slug"], json!(null), "a save that is refused leaves the draft alone");
    }

    async fn an_empty_email_is_told_as_that(app: &TestApp) {
        let found = sent(app, Method::POST, "/api/subscribers", json!({"Email": ""})).await;
        assert_eq!(found.expect(400)["error"]["details"]["errors"][0], json!({
            "path": ["Email"], "message": "Email cannot be empty", "name": "ValidationError", "value": ""}));
        sent(app, Method::POST, "/api/subscribers?status=draft", json!({"Email": ""})).await.expect(201);
    }

    async fn a_member_that_a_relation_does_not_have_is_refused(app: &TestApp) {
        let store = app.create("stores", json!({"title": "a", "slug": "a"})).await;
        let id = store["documentId"].as_str().expect("an id");
        for (stores, key, path) in [
            (json!({"add": [id]}), "add", "stores"),
            (json!([{"documentId": id, "status": "published"}]), "status", "stores"),
            (json!({"connect": [id], "remove": [id]}), "remove", "stores"),
            (json!([{"documentId": id, "SEO": {"foo": 1}}]), "foo", "stores.SEO"),
            (json!([{"documentId": id, "products": [{"foo": 1}]}]), "foo", "stores.products"),
        ] {
            let answer = sent(app, Method::POST, "/api/products", json!({"Name": "x", "stores": stores})).await;
            let error = &answer.expect(400)["error"];
            assert_eq!(error["message"], format!("Invalid key {key} at {path}"), "{stores}");
            assert_eq!((&error["details"]["path"], &error["details"]["source"]), (&json!(path), &json!("body")));
        }
        for stores in [
            json!([{"documentId": id, "title": "ignored", "createdAt": 1, "locale": "en"}]),
            json!({"connect": [{"documentId": id, "foo": 1}]}),
            json!({"connect": [id], "options": {"strict": true}}),
        ] {
            sent(app, Method::POST, "/api/products", json!({"Name": "x", "stores": stores})).await.expect(201);
        }
    }

    async fn a_number_that_no_row_has_is_told_with_the_body(app: &TestApp) {
        let store = app.create("stores", json!({"title": "a", "slug": "a"})).await;
        let row = store["id"].as_i64().expect("a number");
        for (stores, message) in [
            (json!([999_999]), "1 relation(s) of type api::store.store associated with this entity do not exist"),
            (json!({"connect": [999_999, "888888", row]}), "2 relation(s) of type api::store.store associated with this entity do not exist"),
            (json!({"set": [{"id": 999_999}, 999_999]}), "1 relation(s) of type api::store.store associated with this entity do not exist"),
            (json!(""), "Invalid relations"),
        ] {
            let answer = sent(app, Method::POST, "/api/products", json!({"Name": "x", "stores": stores})).await;
            let error = &answer.expect(400)["error"];
            assert_eq!(error["message"], message, "{stores}");
            assert_eq!(error["details"]["errors"][0]["path"], json!([]));
        }
        let answer = sent(app, Method::POST, "/api/products", json!({"Name": "x", "stores": [999_999]})).await;
        let value = &answer.json["error"]["details"]["errors"][0]["value"];
        assert_eq!(*value, json!({"Name": "x", "stores": {"set": [{"id": 999_999}]}, "publishedAt": null, "usd_price": 0,
            "PRICES": [], "Tag": [], "extensions": []}), "{value}");
        let product = app.create("products", json!({"Name": "x", "stores": [row]})).await;
        let path = format!("/api/products/{}", product["documentId"].as_str().expect("an id"));
        let answer = sent(app, Method::PUT, &path, json!({"stores": [999_999]})).await;
        let value = &answer.expect(400)["error"]["details"]["errors"][0]["value"];
        assert_eq!(*value, json!({"stores": {"set": [{"id": 999_999}]}, "publishedAt": null}));
    }

    async fn a_document_that_is_not_there_is_told_before_all_else(app: &TestApp) {
        let store = app.create("stores", json!({"title": "a", "slug": "taken"})).await;
        let known = store["documentId"].as_str().expect("an id");
        let product = app.create("products", json!({"Name": "x", "stores": [known]})).await;
        let (path, row) = (format!("/api/products/{}", product["documentId"].as_str().expect("an id")), &product["id"]);
        let (one, two) = ("zzzzzzzzzzzzzzzzzzzzzzz1", "zzzzzzzzzzzzzzzzzzzzzzz2");
        let beside = |place: Value| json!({"connect": [{"documentId": known, "position": place}]});
        for faults in [
            json!({"Name": 5}),
            json!({"Name": null, "usd_price": "abc"}),
            json!({"PRICES": [{"id": 999_999}]}),
            json!({"extensions": [{"key": "BAD"}], "quantity": 1.5}),
            json!({"extensions": [{"id": 999_999, "key": "custom:webhook"}]}),
            json!({}),
        ] {
            for (stores, first) in [
                (json!([one]), one), (json!({"set": [known, one, two]}), one), (json!({"connect": [999_999, two, one]}), two),
                (json!({"connect": [two], "disconnect": [known, one]}), one), (json!({"disconnect": [one]}), one),
                (beside(json!({"before": one})), one), (beside(json!({"after": 999_999})), "999999"),
                (json!({"connect": [{"documentId": known, "position": {"after": two}}, one]}), one),
            ] {
                let mut data = faults.clone();
                data["stores"] = stores;
                let message = format!("Document with id \"{first}\", locale \"null\" not found");
                for (method, path) in [
                    (Method::POST, "/api/products"), (Method::POST, "/api/products?status=draft"), (Method::PUT, &path),
                    (Method::PUT, "/api/products/zzzzzzzzzzzzzzzzzzzzzzz0"),
                ] {
                    let answer = sent(app, method, path, data.clone()).await;
                    assert_eq!(answer.expect(400)["error"]["message"], message, "{path}: {data}");
                    assert_eq!(answer.json["error"]["details"], json!({}));
                }
            }
        }
        let data = json!({"slug": "taken", "products": [row, one], "subscribers": [two]});
        for data in [data.clone(), json!({"subscribers": [one], "slug": "taken", "products": [two], "title": 5})] {
            let answer = sent(app, Method::POST, "/api/stores", data.clone()).await;
            let message = format!("Document with id \"{one}\", locale \"null\" not found");
            assert_eq!(answer.expect(400)["error"]["message"], message, "the first of the body: {data}");
        }
        // What a key or a right is wrong with is told before.
        let answer = sent(app, Method::POST, "/api/products", json!({"foo": 1, "stores": [one]})).await;
        assert_eq!(answer.expect(400)["error"]["message"], "Invalid key foo");
        let public = app.with_token(None).post("/api/products", json!({"data": {"stores": [one]}})).await;
        assert_eq!(public.status, 403);
        assert_eq!(app.get("/api/products?status=draft").await.expect(200)["meta"]["pagination"]["total"], 1);
    }

    async fn a_row_that_is_not_there_is_told_with_the_other_faults(app: &TestApp) {
        let gone = "1 relation(s) of type api::store.store associated with this entity do not exist";
        let product = app.create("products", json!({"Name": "x"})).await;
        let path = format!("/api/products/{}", product["documentId"].as_str().expect("an id"));
        for (method, path) in [(Method::POST, "/api/products"), (Method::PUT, &path)] {
            let found = told(&sent(app, method, path, json!({"Name": 5, "stores": [999_999]})).await);
            assert_eq!(found.len(), 2, "{found:?}");
            assert!(found[0].starts_with("Name must be a `string` type") && found[1] == gone, "{found:?}");
        }
    }

    async fn a_row_that_is_not_there_can_be_disconnected(app: &TestApp) {
        let store = app.create("stores", json!({"title": "a", "slug": "a"})).await;
        let other = app.create("stores", json!({"title": "b", "slug": "b"})).await;
        let product = app.create("products", json!({"Name": "x", "stores": [store["id"]]})).await;
        let path = format!("/api/products/{}?populate=stores", product["documentId"].as_str().expect("an id"));
        for (stores, left) in [
            (json!({"disconnect": [999_999]}), vec!["a"]),
            (json!({"disconnect": [{"id": 999_999}, "888888"], "connect": [other["id"]]}), vec!["a", "b"]),
            (json!({"disconnect": [999_999, store["documentId"], other["id"]]}), vec![]),
        ] {
            let answer = sent(app, Method::PUT, &path, json!({ "stores": stores })).await;
            let linked = answer.expect(200)["data"]["stores"].as_array().cloned().unwrap_or_default();
            assert_eq!(linked.iter().map(|store| &store["slug"]).collect::<Vec<_>>(), left, "{stores}");
        }
        let created = sent(app, Method::POST, "/api/products", json!({"Name": "y", "stores": {"disconnect": [999_999]}})).await;
        created.expect(201);
    }
}
