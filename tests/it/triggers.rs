//! Triggers over the API: what may be emitted, for what, and whom it reaches.

use serde_json::{Value, json};

use crate::support::api::Answered;
use crate::support::app::TestApp;
use crate::support::on_both_databases;

/// The path and message of the only problem in an answer of 400.
#[track_caller]
fn problem(answer: &Answered) -> (String, String) {
    let error = &answer.expect(400)["error"];
    let problem = &error["details"]["errors"][0];
    let path: Vec<_> = problem["path"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    (path.join("."), problem["message"].as_str().or(error["message"].as_str()).unwrap_or_default().to_owned())
}

/// Creates a product with a price, of these stores, whose records post to `/product` and `/price`, and returns it.
async fn product(app: &TestApp, stores: &[&str]) -> Value {
    let price =
        json!({ "Name": "50 g", "Price": "12.5", "extensions": [app.webhook_to("/price", "trigger:post_sale")] });
    let data = json!({
        "Name": "Tea",
        "stores": stores,
        "extensions": [app.webhook_to("/product", "trigger:post_sale")],
        "PRICES": [price],
    });
    app.create("products", data).await
}

/// The paths that were posted to, in order of their names.
fn reached(app: &TestApp) -> Vec<String> {
    let mut paths: Vec<_> = app.receiver.received().into_iter().map(|delivery| delivery.path).collect();
    paths.sort();
    paths
}

on_both_databases! {
    async fn the_catalogue_is_listed(app: &TestApp) {
        let listed = app.get("/api/triggers").await;
        let all = listed.expect(200)["data"].as_array().expect("a list");
        let named = |name: &str| all.iter().find(|trigger| trigger["name"] == name).expect(name).clone();
        assert_eq!(named("trigger:post_sale")["source"], "caller");
        assert!(named("trigger:post_sale")["payload"]["properties"]["targets"].is_object());
        let aliases = json!(["trigger:subscriber_create", "trigger:subscriber_created"]);
        assert_eq!(named("trigger:new_subscriber")["aliases"], aliases);
        assert_eq!(app.with_token(None).get("/api/triggers").await.status, 403);
        for name in ["new_subscriber", "trigger:subscriber_created"] {
            let found = app.get(&format!("/api/triggers/{name}")).await;
            assert_eq!(found.expect(200)["data"], named("trigger:new_subscriber"));
        }
        assert_eq!(app.get("/api/triggers/acme:door").await.status, 404);
        assert_eq!(app.get("/api/triggers/no%20name").await.status, 400);
        assert_eq!(app.with_token(None).get("/api/triggers/post_sale").await.status, 403);
    }

    async fn what_cannot_be_emitted_is_refused_and_leaves_nothing(app: &TestApp) {
        let store = app.store(vec![]).await;
        let post = async |path: String, body: Value| app.post(&path, body).await;
        assert_eq!(post(format!("/api/stores/{}/triggers/post_sale", "x".repeat(24)), json!({})).await.status, 404);
        assert_eq!(post(format!("/api/shops/{store}/triggers/post_sale"), json!({})).await.status, 404);
        let bad = post(format!("/api/stores/{store}/triggers/post%20sale"), json!({})).await;
        assert!(problem(&bad).1.contains("' '"), "{}", bad.text);
        let unknown = post(format!("/api/stores/{store}/triggers/post_sale"), json!({ "paylod": {} })).await;
        assert!(problem(&unknown).1.contains("paylod"), "{}", unknown.text);
        let public = app.with_token(None).post(&format!("/api/stores/{store}/triggers/post_sale"), json!({})).await;
        assert_eq!(public.status, 403);
        app.run_until_idle().await;
        assert!(app.texts("SELECT uid FROM events WHERE trigger LIKE '%sale'").await.is_empty());
    }

    async fn a_body_may_be_left_out(app: &TestApp) {
        let store = app.store(vec![app.webhook("trigger:acme:door.open")]).await;
        let path = format!("/api/stores/{store}/triggers/acme:door.open");
        let answer = crate::support::api::send(app.request(reqwest::Method::POST, &path)).await;
        assert_eq!(answer.expect(202)["data"]["trigger"], "trigger:acme:door.open");
        app.run_until_idle().await;
        let body = app.receiver.only().json();
        assert_eq!((body.get("payload"), &body["data"]["slug"]), (None, &json!("the-store")), "{body}");
        assert!(body["data"].get("extensions").is_none(), "records are wiring: {body}");
    }

    async fn a_batch_is_stored_in_order_or_not_at_all(app: &TestApp) {
        let store = app.store(vec![app.webhook("trigger:order_*")]).await;
        let item = |trigger: &str, store: &str, number: u32| {
            json!({
                "trigger": trigger,
                "target": { "type": "store", "documentId": store },
                "payload": { "number": number },
                "idempotencyKey": format!("k{number}"),
            })
        };
        let items = [item("order_created", &store, 1), item("order_shipped", &store, 2), item("order_created", &store, 1)];
        let answer = app.post("/api/triggers", json!({ "data": items })).await;
        let emitted = answer.expect(202)["data"].as_array().expect("a list").clone();
        assert_eq!(emitted.len(), 3);
        assert_eq!((&emitted[0]["repeated"], &emitted[2]["repeated"]), (&json!(false), &json!(true)));
        assert_eq!(emitted[0]["id"], emitted[2]["id"]);
        let missing = [item("order_created", &store, 3), item("order_created", &"x".repeat(24), 4)];
        let refused = app.post("/api/triggers", json!({ "data": missing })).await;
        assert_eq!(problem(&refused).0, "data.1.target.documentId", "{}", refused.text);
        let one = app.post("/api/triggers", json!({ "data": [item("order_created", &"x".repeat(24), 6)] })).await;
        assert_eq!(problem(&one).0, "data.0.target.documentId", "{}", one.text);
        assert_eq!(app.post("/api/triggers", json!({ "data": [] })).await.expect(202)["data"], json!([]));
        let other = [item("order_created", &store, 5), item("order_refunded", &store, 1)];
        let conflict = app.post("/api/triggers", json!({ "data": other })).await;
        assert_eq!(conflict.expect(409)["error"]["name"], "ConflictError");
        let wrong = json!([{ "trigger": "x", "target": { "type": "shop", "documentId": store } }]);
        let wrong = app.post("/api/triggers", json!({ "data": wrong })).await;
        assert_eq!(problem(&wrong).0, "data.0.target.type", "{}", wrong.text);
        app.run_until_idle().await;
        let mut numbers: Vec<_> =
            app.receiver.received().iter().map(|sent| sent.json()["payload"]["number"].to_string()).collect();
        numbers.sort();
        assert_eq!(numbers, ["1", "2"]);
    }

    async fn a_sale_reaches_the_products_and_prices_that_it_names(app: &TestApp) {
        let store = app.store(vec![app.webhook_to("/store", "trigger:post_sale")]).await;
        let product = product(app, &[&store]).await;
        let price = product["PRICES"][0]["id"].as_i64().expect("an id");
        let id = product["documentId"].as_str().expect("a documentId");
        app.run_until_idle().await;
        app.emit(&store, "post_sale", json!({})).await;
        app.run_until_idle().await;
        assert_eq!(reached(app), ["/store"]);
        app.receiver.forget();
        let named = json!({ "type": "price", "documentId": id, "priceId": price });
        app.emit(&store, "post_sale", json!({ "targets": [named, named] })).await;
        app.run_until_idle().await;
        assert_eq!(reached(app), ["/price", "/product", "/store"], "each once");
    }

    async fn a_sale_does_not_reach_what_is_of_another_store(app: &TestApp) {
        let (store, other) = (app.store(vec![]).await, app.store_named("other", vec![]).await);
        let product = product(app, &[&other]).await;
        let id = &product["documentId"];
        for (target, part) in [
            (json!({ "type": "product", "documentId": id }), "is not of this store"),
            (json!({ "type": "product", "documentId": "x".repeat(24) }), "is not there"),
            (json!({ "type": "store", "documentId": other }), "must be a product or a price"),
            (json!({ "type": "product" }), "documentId"),
        ] {
            let path = format!("/api/stores/{store}/triggers/post_sale");
            let refused = app.post(&path, json!({ "payload": { "targets": [target] } })).await;
            let (path, message) = problem(&refused);
            assert!(path.starts_with("payload.targets") && message.contains(part), "{}", refused.text);
        }
        let path = format!("/api/stores/{other}/triggers/post_sale");
        for (price, part) in [(json!(99_999), "is not a price of this product"), (Value::Null, "needs a priceId")] {
            let target = json!({ "type": "price", "documentId": id, "priceId": price });
            let refused = app.post(&path, json!({ "payload": { "targets": [target] } })).await;
            assert!(problem(&refused).1.contains(part), "{}", refused.text);
        }
        app.run_until_idle().await;
        assert!(reached(app).is_empty());
    }

    async fn an_event_of_a_product_reaches_its_stores(app: &TestApp) {
        let store = app.store(vec![app.webhook_to("/store", "trigger:post_sale")]).await;
        let product = product(app, &[&store]).await;
        app.run_until_idle().await;
        let path = format!("/api/products/{}/triggers/post_sale", product["documentId"].as_str().expect("an id"));
        app.post(&path, json!({})).await.expect(202);
        app.run_until_idle().await;
        assert_eq!(reached(app), ["/product", "/store"]);
    }

    async fn a_removed_record_hears_of_its_removal_and_nothing_later(app: &TestApp) {
        let store = app.store(vec![app.webhook("trigger:{store_updated,post_sale}")]).await;
        app.run_until_idle().await;
        app.put(&format!("/api/stores/{store}"), json!({ "data": { "extensions": [] } })).await.expect(200);
        app.run_until_idle().await;
        app.emit(&store, "post_sale", json!({})).await;
        app.run_until_idle().await;
        assert!(app.receiver.received().iter().all(|sent| sent.json()["trigger"] == "trigger:store_updated"));
    }

    async fn a_deleted_product_tells_its_own_records(app: &TestApp) {
        let record = app.webhook("trigger:product_deleted");
        let product = app.create("products", json!({ "Name": "Tea", "extensions": [record] })).await;
        let path = format!("/api/products/{}", product["documentId"].as_str().expect("an id"));
        assert_eq!(app.delete(&path).await.status, 204);
        app.run_until_idle().await;
        assert_eq!(app.receiver.only().json()["data"]["Name"], "Tea");
    }
}
