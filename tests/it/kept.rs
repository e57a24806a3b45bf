//! Answers are kept in memory, and never for longer than they are true.

use std::time::Duration;

use futures_util::FutureExt as _;
use reqwest::Method;
use serde_json::{Value, json};
use tempfile::TempDir;
use tenon::db::Kind;

use crate::support::api::{Api, send};
use crate::support::app::TestApp;
use crate::support::database::TestDatabase;
use crate::support::on_both_databases;
use crate::support::program::{Program, Settings};

const LIST: &str = "/api/products?populate[PRICES]=true&populate[stores][populate]=SEO&sort=Name";

/// How the list shows the only product, or that there is none.
async fn shown(api: &Api) -> Value {
    api.get(LIST).await.expect(200)["data"][0].clone()
}

/// Whether answers come from memory: they do not show what was done to the tables behind the program's back.
async fn is_kept(app: &TestApp, path: &str) -> bool {
    let before = app.get(path).await.text;
    app.sql("UPDATE products SET description = coalesce(description, '') || 'x'").await;
    app.get(path).await.text == before
}

on_both_databases! {
    async fn an_answer_is_kept_until_something_it_shows_is_changed(app: &TestApp) {
        listened_to(app).await;
        let store = app.create("stores", json!({"title": "Shop", "slug": "shop", "SEO": {"metaTitle": "One"}})).await;
        let store = format!("/api/stores/{}", store["documentId"].as_str().expect("an id"));
        let product = app.create("products", json!({"Name": "Tea", "PRICES": [{"Price": 4}], "stores": [store["/api/stores/".len()..]]})).await;
        let product = format!("/api/products/{}", product["documentId"].as_str().expect("an id"));
        assert!(is_kept(app, LIST).await);

        let (publish, unpublish) = (format!("{product}/actions/publish"), format!("{product}/actions/unpublish"));
        let put = |path, data: Value| app.put(path, json!({ "data": data })).boxed();
        for (what, change, path, value) in [
            ("a field", put(product.as_str(), json!({"Name": "Green tea"})), "/Name", json!("Green tea")),
            ("an item", put(product.as_str(), json!({"PRICES": [{"Price": 5}]})), "/PRICES/0/Price", json!(5)),
            ("what is linked", put(store.as_str(), json!({"title": "Shoppe"})), "/stores/0/title", json!("Shoppe")),
            ("an item of that", put(store.as_str(), json!({"SEO": {"metaTitle": "Two"}})), "/stores/0/SEO/metaTitle", json!("Two")),
            ("a link, from the other end", put(store.as_str(), json!({"products": []})), "/stores", json!([])),
            ("its being public", app.post(&unpublish, json!({})).boxed(), "", Value::Null),
            ("its being public again", app.post(&publish, json!({})).boxed(), "/Name", json!("Green tea")),
            ("its being", app.delete(&product).boxed(), "", Value::Null),
        ] {
            shown(app).await;
            assert!(change.await.status < 300, "{what}");
            assert_eq!(shown(app).await.pointer(path), Some(&value), "{what}");
        }
    }

    async fn what_a_run_changes_is_not_kept(app: &TestApp) {
        listened_to(app).await;
        let store = app.store(vec![app.webhook("post_sale")]).await;
        app.create("products", json!({"Name": "Tea"})).await;
        for path in [format!("/api/stores/{store}?populate=extensions"), "/api/stores?populate=*&filters[extensions][run_count]=1".into()] {
            app.get(&path).await.expect(200);
        }
        app.emit(&store, "post_sale", json!({})).await;
        app.run_until_idle().await;
        let shown = app.get(&format!("/api/stores/{store}?populate=extensions")).await;
        assert_eq!(shown.expect(200)["data"]["extensions"][0]["run_count"], 1);
        let found = app.get("/api/stores?populate=*&filters[extensions][run_count]=1").await;
        assert_eq!(found.expect(200)["meta"]["pagination"]["total"], 1);
    }

    async fn what_one_caller_may_see_is_not_shown_to_another(app: &TestApp) {
        listened_to(app).await;
        app.store(vec![app.webhook("post_sale")]).await;
        let public = app.with_token(None);
        for path in ["/api/stores?populate=*", "/api/stores?status=draft", "/api/subscribers", "/api/stores"] {
            let (full, limited) = (app.get(path).await, public.get(path).await);
            let again = (app.get(path).await, public.get(path).await);
            assert_eq!((full.expect(200), &limited.json), (again.0.expect(200), &again.1.json), "{path}");
            assert!(!limited.text.contains("extensions") || path.contains("populate"), "{path}: {}", limited.text);
            assert!(!limited.text.contains("custom:webhook"), "{path}: {}", limited.text);
        }
        let old_form = send(app.request(Method::GET, "/api/stores").header("Strapi-Response-Format", "v4")).await;
        assert!(old_form.expect(200)["data"][0]["attributes"].is_object());
    }

    async fn a_list_is_counted_once_for_all_its_pages(app: &TestApp) {
        listened_to(app).await;
        for number in 0..5 {
            app.create("products", json!({"Name": format!("Tea {number}"), "PRICES": [{"Price": number}]})).await;
        }
        let page = |number: u32| {
            let filter = "filters[PRICES][Price][$gt]=0";
            format!("/api/products?{filter}&sort=Name&pagination[pageSize]=2&pagination[page]={number}")
        };
        assert_eq!(app.get(&page(1)).await.expect(200)["meta"]["pagination"]["total"], 4);
        app.sql("DELETE FROM products WHERE draft_id IS NOT NULL AND name = 'Tea 3'").await;
        let second = app.get(&page(2)).await;
        assert_eq!(second.expect(200)["meta"]["pagination"]["total"], 4, "it was not counted again");
        assert_eq!(second.json["data"].as_array().map(Vec::len), Some(1), "the page was read");
        app.create("products", json!({"Name": "Tea 6", "PRICES": [{"Price": 6}]})).await;
        assert_eq!(app.get(&page(3)).await.expect(200)["meta"]["pagination"]["total"], 4, "three, and a new one");
    }

    async fn nothing_is_kept_where_there_is_no_room_for_it(app: &TestApp) with |config| config.cache_mib = 0; {
        app.create("products", json!({"Name": "Tea"})).await;
        assert!(!is_kept(app, "/api/products").await);
    }
}

/// On PostgreSQL answers are kept from when the program listens to what others commit.
async fn listened_to(app: &TestApp) {
    app.create("products", json!({"Name": "Probe"})).await;
    for _ in 0..500 {
        if is_kept(app, "/api/products").await {
            let probe = app.get("/api/products").await.json["data"][0]["documentId"].clone();
            app.delete(&format!("/api/products/{}", probe.as_str().expect("an id"))).await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nothing is kept");
}

/// Whoever is answered by one finds what he wrote when he asks the other: a storefront behind a load balancer.
#[tokio::test]
async fn two_processes_answer_alike() {
    let (database, folder) = (TestDatabase::fresh(Kind::Postgres), TempDir::new().expect("a folder"));
    let settings = || Settings::new(folder.path(), &database.url);
    let (one, other) = (Program::start(&settings()).await, Program::start(&settings()).await);
    let created = one.api().create("products", json!({"Name": "Tea 0", "PRICES": [{"Price": 1}]})).await;
    let path = format!("/api/products/{}", created["documentId"].as_str().expect("an id"));
    for number in 1..60 {
        let (writer, reader) = if number % 2 == 0 { (&one, &other) } else { (&other, &one) };
        let name = format!("Tea {number}");
        writer.api().put(&path, json!({"data": {"Name": name}})).await.expect(200);
        assert_eq!(shown(&reader.api()).await["Name"], name.as_str());
        assert_eq!(reader.api().get(&path).await.expect(200)["data"]["Name"], name.as_str());
    }
}
