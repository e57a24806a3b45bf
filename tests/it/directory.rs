//! The directory of handlers: what there is, how much it is used, and activating it in many places at once.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::{Answered, send};
use crate::support::app::TestApp;
use crate::support::on_both_databases;

const WEBHOOK: &str = "/tenon/handlers/custom:webhook/activate";

/// A store, a subscriber, and a product with a price, as targets.
async fn targets(app: &TestApp) -> Vec<Value> {
    let store = app.store(vec![]).await;
    let subscriber = app.create("subscribers", json!({"Email": "ada@example.com"})).await;
    let product = app.create("products", json!({"Name": "Tea", "PRICES": [{"Price": 4}]})).await;
    vec![
        json!({"type": "store", "documentId": store}),
        json!({"type": "product", "documentId": product["documentId"]}),
        json!({"type": "price", "documentId": product["documentId"], "priceId": product["PRICES"][0]["id"]}),
        json!({"type": "subscriber", "documentId": subscriber["documentId"]}),
    ]
}

#[track_caller]
fn problems(answer: &Answered) -> Vec<(String, String)> {
    let problems = answer.expect(400)["error"]["details"]["errors"].as_array().expect("problems").clone();
    let path = |problem: &Value| {
        let parts = problem["path"].as_array().expect("a path");
        parts.iter().map(|part| part.as_str().expect("a part")).collect::<Vec<_>>().join(".")
    };
    problems.iter().map(|problem| (path(problem), problem["message"].as_str().expect("a message").to_owned())).collect()
}

async fn in_use(app: &TestApp, key: &str) -> Value {
    app.get(&format!("/tenon/handlers/{key}")).await.expect(200)["data"]["inUse"].clone()
}

on_both_databases! {
    async fn handlers_are_listed_by_category_and_namespace_with_the_records_that_use_them(app: &TestApp) {
        let mut off = app.webhook("post_sale");
        off["active"] = json!(false);
        let store = app.store(vec![app.webhook("post_sale"), off, app.webhook("order_*"), json!({"key": "no:body"})]).await;
        app.run_until_idle().await;
        let listed = async |query: &str| {
            let answer = app.get(&format!("/tenon/handlers{query}")).await;
            let handlers = answer.expect(200)["data"].as_array().expect("a list").clone();
            handlers.into_iter().map(|handler| (handler["key"].as_str().expect("a key").to_owned(), handler["inUse"].clone())).collect::<Vec<_>>()
        };
        let all = listed("").await;
        assert!(all.contains(&("custom:webhook".into(), json!(2))) && all.contains(&("discord:webhook".into(), json!(0))), "{all:?}");
        let of_namespace: Vec<_> = all.iter().filter(|(key, _)| key.starts_with("custom:")).cloned().collect();
        assert_eq!(listed("?namespace=custom").await, of_namespace);
        assert_eq!(listed("?category=messaging&namespace=discord").await, [("discord:webhook".into(), json!(0))]);
        assert!(!listed("?category=messaging").await.contains(&("custom:webhook".into(), json!(2))));
        assert!(listed("?category=messaging&namespace=custom").await.is_empty());
        app.get("/tenon/handlers?kategory=x").await.expect(400);
        let list = format!("/api/stores/{store}/extensions");
        let id = app.get(&list).await.expect(200)["data"][0]["id"].clone();
        app.delete(&format!("{list}/{id}")).await.expect(204);
        assert_eq!(in_use(app, "custom:webhook").await, 1, "what was removed is not used");
        app.get("/tenon/handlers/no:body").await.expect(404);
    }

    async fn a_handler_is_activated_for_many_targets_at_once(app: &TestApp) {
        let targets = targets(app).await;
        app.run_until_idle().await;
        let url = app.receiver.url("/hook");
        let data = json!({"targets": targets, "url": url, "credentials": {"secret": "kept-to-itself"}, "triggers": ["acme:*"]});
        let made = app.post(WEBHOOK, json!({ "data": data })).await;
        assert!(!made.text.contains("kept-to-itself"));
        let made = made.expect(201)["data"].as_array().expect("a list").clone();
        let named: Vec<Value> = made.iter().map(|made| made["target"].clone()).collect();
        assert_eq!(named, targets, "in the order of the targets");
        for (made, target) in made.iter().zip(&targets) {
            let (plural, id) = (target["type"].as_str().expect("a type"), target["documentId"].as_str().expect("an id"));
            let list = match plural {
                "price" => format!("/api/products/{id}/prices/{}/extensions", target["priceId"]),
                plural => format!("/api/{plural}s/{id}/extensions"),
            };
            assert_eq!(app.get(&list).await.expect(200)["data"], json!([made["extension"]]));
        }
        assert_eq!(in_use(app, "custom:webhook").await, 4);
        let id = targets[1]["documentId"].as_str().expect("an id");
        app.post(&format!("/api/products/{id}/triggers/acme:door"), json!({})).await.expect(202);
        app.run_until_idle().await;
        assert!(!app.receiver.only().header("webhook-signature").is_empty());
        let discord = json!({"targets": [targets[0]], "url": url, "active": false});
        let made = app.post("/tenon/handlers/discord:webhook/activate", json!({ "data": discord })).await;
        let record = made.expect(201)["data"][0]["extension"].clone();
        assert_eq!((&record["triggers"], &record["active"]), (&json!(["trigger:post_sale"]), &json!(false)));
    }

    async fn all_of_it_is_activated_or_nothing(app: &TestApp) {
        let targets = targets(app).await;
        let url = app.receiver.url("/hook");
        let nobody = json!({"type": "store", "documentId": "z".repeat(24)});
        let no_price = json!({"type": "price", "documentId": targets[1]["documentId"], "priceId": 99_999});
        app.post(WEBHOOK, json!({"data": {"targets": [targets[1]], "url": url}})).await.expect(201);
        let mut asked = targets.clone();
        asked.extend([nobody, no_price, targets[0].clone()]);
        let answer = app.post(WEBHOOK, json!({"data": {"targets": asked, "url": url}})).await;
        let told = problems(&answer);
        let paths: Vec<_> = told.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, ["targets.1", "targets.4", "targets.5", "targets.6"]);
        assert!(told[0].1.contains("custom:webhook already") && told[1].1.contains("is not there"), "{told:?}");
        assert_eq!(in_use(app, "custom:webhook").await, 1, "nothing is left of it");

        for (data, path) in [
            (json!({"targets": targets}), "url"),
            (json!({"targets": targets, "url": url, "triggers": ["{"]}), "triggers"),
            (json!({"targets": targets, "url": url, "config": {"policy": {"timeout_s": 9999}}}), "config.policy.timeout_s"),
            (json!({"targets": targets, "url": url, "credentials": {"secret": ["x"]}, "again": true}), "credentials.secret"),
            (json!({"targets": []}), "targets"),
            (json!({"targets": vec![&targets[0]; 101], "again": true}), "targets"),
            (json!({"targets": [{"type": "price", "documentId": "x"}]}), "targets.0.priceId"),
            (json!({"targets": [{"type": "shop", "documentId": "x"}]}), "targets.0.type"),
            (json!({"targets": [{"type": "store", "documentId": "x", "priceId": 1}]}), "targets.0.priceId"),
            (json!({"targets": targets, "urls": url}), "urls"),
        ] {
            let answer = app.post(WEBHOOK, json!({ "data": data })).await;
            assert_eq!(problems(&answer)[0].0, path, "{}", answer.text);
        }
        let unknown = app.post("/tenon/handlers/custom:webhok/activate", json!({"data": {"targets": targets}})).await;
        assert!(problems(&unknown)[0].1.contains("did you mean custom:webhook"), "{}", unknown.text);
        let again = app.post(WEBHOOK, json!({"data": {"targets": [targets[1], targets[1]], "url": url, "again": true}})).await;
        assert_eq!(again.expect(201)["data"].as_array().expect("a list").len(), 2);
        assert_eq!(in_use(app, "custom:webhook").await, 3);
    }

    async fn an_activation_that_is_sent_again_is_done_once(app: &TestApp) {
        let targets = targets(app).await;
        let post = async |data: Value| {
            let request = app.request(Method::POST, WEBHOOK).header("Idempotency-Key", "one");
            send(request.json(&json!({ "data": data }))).await
        };
        let data = json!({"targets": targets, "url": app.receiver.url("/hook")});
        let (first, second) = (post(data.clone()).await, post(data).await);
        assert_eq!((first.expect(201), second.expect(201)), (&second.json, &first.json));
        assert_eq!(second.headers["idempotent-replayed"], "true");
        assert_eq!(in_use(app, "custom:webhook").await, 4);
        assert_eq!(post(json!({"targets": []})).await.status, 400);
        assert_eq!(post(json!({"targets": [targets[0]], "again": true, "url": "https://x.example"})).await.status, 409);
    }

    async fn only_whoever_may_manage_every_target_activates(app: &TestApp) {
        let targets = targets(app).await;
        let made = app.post("/tenon/tokens", json!({"data": {"name": "keeper", "kind": "custom", "permissions": ["product.extensions"]}})).await;
        let keeper = app.with_token(made.expect(201)["data"]["token"].as_str());
        let body = |targets: &[Value]| json!({"data": {"targets": targets, "url": "https://erp.example/hook"}});
        app.with_token(None).post(WEBHOOK, body(&targets)).await.expect(403);
        keeper.post(WEBHOOK, body(&targets)).await.expect(403);
        assert_eq!(in_use(app, "custom:webhook").await, 0);
        keeper.post(WEBHOOK, body(&targets[1..3])).await.expect(201);
        keeper.get("/tenon/handlers").await.expect(200);
        app.with_token(None).get("/tenon/handlers").await.expect(403);
    }
}
