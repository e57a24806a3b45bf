//! Who may do what with content: the public in its three forms, and both kinds of token.

use reqwest::Method;
use serde_json::{Value, json};
use tenon::access::PublicAccess;

use crate::support::api::{Api, send};
use crate::support::app::TestApp;
use crate::support::on_both_databases;

on_both_databases! {
    async fn the_public_reads_published_stores_and_products_and_nothing_else(app: &TestApp) {
        let store = shop(app).await;
        let anyone = app.with_token(None);
        let read = anyone.get(&format!("/api/stores/{store}?populate=*")).await;
        let document = &read.expect(200)["data"];
        assert_eq!(document["title"], "Tea House");
        for hidden in ["extensions", "subscribers"] {
            assert!(document.get(hidden).is_none(), "{document}");
        }
        anyone.get("/api/products?populate=*").await.expect(200);
        for path in ["/api/subscribers", "/api/stores?status=draft", "/api/products?status=draft"] {
            anyone.get(path).await.expect(403);
        }
        for filter in ["filters[extensions][key]=custom:webhook", "sort=subscribers.Email", "filters[subscribers][Email][$notNull]=true"] {
            anyone.get(&format!("/api/stores?{filter}")).await.expect(400);
        }
        cannot_write(&anyone, &store).await;
    }

    async fn a_public_without_rights_reads_nothing(app: &TestApp)
    with |config| config.public_access = PublicAccess::None; {
        let store = shop(app).await;
        let anyone = app.with_token(None);
        for path in ["/api/stores", "/api/products", &format!("/api/stores/{store}"), "/api/stores/unknown", "/api/stores?filters[no]=1"] {
            anyone.get(path).await.expect(403);
        }
        cannot_write(&anyone, &store).await;
    }

    async fn a_public_with_all_rights_changes_what_it_likes(app: &TestApp)
    with |config| config.public_access = PublicAccess::Full; {
        let anyone = app.with_token(None);
        let store = shop(&anyone).await;
        let changed = anyone.put(&format!("/api/stores/{store}?populate=extensions"), json!({"data": {"title": "Ours"}})).await;
        assert_eq!(changed.expect(200)["data"]["extensions"][0]["key"], "custom:webhook");
        anyone.get("/api/stores?status=draft").await.expect(200);
    }

    async fn a_read_only_token_sees_everything_and_changes_nothing(app: &TestApp) {
        let store = shop(app).await;
        let made = app.post("/tenon/tokens", json!({"data": {"name": "reader", "kind": "read-only"}})).await;
        let reader = app.with_token(made.expect(201)["data"]["token"].as_str());
        let read = reader.get(&format!("/api/stores/{store}?status=draft&populate=extensions")).await;
        assert_eq!(read.expect(200)["data"]["extensions"][0]["credentials"], json!({"secret": "********"}));
        reader.get("/api/subscribers").await.expect(200);
        cannot_write(&reader, &store).await;
    }

    async fn what_is_not_there_is_not_found_and_changes_of_it_too(app: &TestApp) {
        let product = app.create("products", json!({"Name": "Sencha"})).await;
        let id = product["documentId"].as_str().expect("an id");
        for path in ["/api/stores/zzzzzzzzzzzzzzzzzzzzzzzz", "/api/stores/1", &format!("/api/stores/{id}"), "/api/stores/%F0%9F%98%80"] {
            app.get(path).await.expect(404);
            app.put(path, json!({"data": {"title": "x"}})).await.expect(404);
            app.post(&format!("{path}/actions/publish"), json!({})).await.expect(404);
            app.delete(path).await.expect(204);
        }
        app.get(&format!("/api/products/{id}")).await.expect(200);
    }

    async fn a_form_makes_a_document(app: &TestApp) {
        let form = "data[title]=Form+%26+Co&data[slug]=form&data[active]=true&data[URLS][0][URL]=https%3A%2F%2Fx.example";
        let request = app.request(Method::POST, "/api/stores?populate=URLS");
        let made = send(request.header("content-type", "application/x-www-form-urlencoded").body(form)).await;
        let made = &made.expect(201)["data"];
        assert_eq!((&made["title"], &made["active"]), (&json!("Form & Co"), &json!(true)));
        assert_eq!(made["URLS"][0]["URL"], "https://x.example");
    }

    async fn every_problem_of_a_body_is_told_with_its_path(app: &TestApp) {
        let body = json!({"data": {"Name": 5, "active": "maybe", "PRICES": [{"Price": "a lot"}, {"billing_type": "daily"}]}});
        let refused = app.post("/api/products", body).await;
        let error = &refused.expect(400)["error"];
        let paths: Vec<Value> = error["details"]["errors"].as_array().expect("problems").iter().map(|problem| problem["path"].clone()).collect();
        assert_eq!(error["name"], "ValidationError");
        for path in [json!(["Name"]), json!(["active"]), json!(["PRICES", "0", "Price"]), json!(["PRICES", "1", "billing_type"])] {
            assert!(paths.contains(&path), "{path} is not among {paths:?}");
        }
        let refused = app.post("/api/products", json!({"data": {"Name": "x", "Colour": "red"}})).await;
        assert_eq!(refused.expect(400)["error"]["message"], "Invalid key Colour");
        let refused = app.post("/api/products", json!({"data": [{"Name": "x"}]})).await;
        assert_eq!(refused.expect(400)["error"]["details"]["errors"][0]["path"], json!([]));
        assert_eq!(app.get("/api/products?status=draft").await.expect(200)["meta"]["pagination"]["total"], 0);
    }
}

/// A published store with an extension record, a draft product and a subscriber in it; returns the store's documentId.
async fn shop(api: &Api) -> String {
    let record = json!({"key": "custom:webhook", "url": "https://x.example", "credentials": {"secret": "s3cret"}});
    let store = json!({"title": "Tea House", "slug": "tea-house", "extensions": [record]});
    let store = api.create("stores", store).await["documentId"].as_str().expect("an id").to_owned();
    let product = json!({"data": {"Name": "Sencha", "stores": [store]}});
    api.post("/api/products?status=draft", product).await.expect(201);
    api.create("subscribers", json!({"Email": "ada@example.com", "stores": [store]})).await;
    store
}

async fn cannot_write(api: &Api, store: &str) {
    let one = format!("/api/stores/{store}");
    api.post("/api/stores", json!({"data": {"title": "x", "slug": "x"}})).await.expect(403);
    api.put(&one, json!({"data": {"title": "x"}})).await.expect(403);
    api.post(&format!("{one}/actions/unpublish"), json!({})).await.expect(403);
    api.delete(&one).await.expect(403);
}
