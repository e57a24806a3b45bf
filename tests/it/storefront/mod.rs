//! What real storefronts ask for is answered, with every field that they read.

mod reads;
mod requests;
mod subscribing;
mod subscriptions;

use reqwest::Method;
use serde_json::{Value, json};

use self::reads::unread;
use self::requests::{REQUESTS, Who};
use crate::support::api::{Answered, Api, send};
use crate::support::app::TestApp;
use crate::support::on_both_databases;

on_both_databases! {
    async fn every_request_of_the_storefronts_is_answered_with_what_they_read(app: &TestApp) {
        let shop = shop(app).await;
        let reader = app.post("/tenon/tokens", json!({"data": {"name": "site", "kind": "read-only"}})).await;
        let reader = app.with_token(reader.expect(201)["data"]["token"].as_str());
        let anyone = app.with_token(None);
        let mut wrong = Vec::new();
        for request in REQUESTS {
            let caller = if request.who == Who::Anyone { &anyone } else { &reader };
            let path = request.path.replace("{store}", &shop.store).replace("{number}", &shop.number.to_string());
            let answer = ask(caller, &path).await;
            let missing = if answer.status == 200 { unread(&answer.json, request.reads) } else { vec![answer.text] };
            if !missing.is_empty() {
                wrong.push(format!("{path}\n    {missing:?}"));
            }
        }
        assert!(wrong.is_empty(), "{} of {} requests:\n{}", wrong.len(), REQUESTS.len(), wrong.join("\n"));
    }

    async fn lists_that_are_not_kept_here_are_empty_and_meet_no_filter(app: &TestApp) {
        shop(app).await;
        let count = async |query: &str| app.get(&format!("/api/stores?{query}")).await.expect(200)["meta"]["pagination"]["total"].clone();
        let stores = count("").await;
        for none in ["filters[users][id][$eq]=7", "filters[users][id]=7", "filters[$not][users][id]=7", "filters[users][$notNull]=true"] {
            assert_eq!(count(none).await, 0, "{none}");
        }
        assert_eq!(count("filters[users][id][$null]=true").await, stores);
        assert_eq!(count("filters[$or][0][users][id]=7&filters[$or][1][slug]=next").await, 1);
        let asked = app.get("/api/stores?filters[slug]=next&populate[users][fields][0]=id&populate[users][populate]=avatar").await;
        let answered = asked.expect(200);
        assert_eq!(answered["data"][0]["users"], json!([]));
        assert_eq!(answered["meta"]["warnings"][0]["path"], json!(["populate", "users"]));
        let v4 = app.request(Method::GET, "/api/stores?filters[slug]=next&populate=users").header("Strapi-Response-Format", "v4");
        assert_eq!(send(v4).await.expect(200)["data"][0]["attributes"]["users"], json!({"data": []}));
        let starred = app.get("/api/stores?filters[slug]=next&populate=*").await;
        assert!(starred.expect(200)["data"][0].get("users").is_none(), "only where a question names them");
        for refused in ["fields=users", "sort=users.id", "populate[products][populate]=users"] {
            app.get(&format!("/api/stores?{refused}")).await.expect(400);
        }
        app.post("/api/stores", json!({"data": {"title": "x", "slug": "x", "users": [7]}})).await.expect(400);
    }

    async fn media_are_found_in_any_case_and_nothing_else_is(app: &TestApp) {
        shop(app).await;
        for query in ["populate[]=URLS&populate[]=logo", "populate[logo]=true", "populate=LOGO"] {
            let answer = app.get(&format!("/api/stores?filters[slug]=next&{query}")).await;
            let answer = answer.expect(200);
            assert_eq!(answer["data"][0].get("Logo"), Some(&Value::Null), "{query}: {answer}");
            assert_eq!(answer["meta"]["warnings"][0]["message"], "is called Logo; it was read as that");
        }
        for query in ["populate=urls", "populate=Extensions", "fields=Title", "populate[]=*", "populate=*,URLS"] {
            app.get(&format!("/api/stores?{query}")).await.expect(400);
        }
    }

    async fn who_may_not_see_drafts_is_shown_what_is_published_unless_drafts_are_named(app: &TestApp) {
        let shop = shop(app).await;
        let path = format!("/api/stores/{}?status=draft", shop.store);
        app.put(&path, json!({"data": {"title": "Not yet"}})).await.expect(200);
        let anyone = app.with_token(None);
        for status in ["all", "any", ""] {
            let answer = anyone.get(&format!("/api/stores?filters[slug]=next&status={status}")).await;
            let answer = answer.expect(200);
            assert_eq!(answer["data"][0]["title"], "Next", "{status}");
            assert_eq!(answer["meta"]["warnings"][0]["path"], json!(["status"]), "{status}");
            let asked = app.get(&format!("/api/stores?filters[slug]=next&status={status}")).await;
            assert_eq!(asked.expect(200)["data"][0]["title"], "Not yet", "{status}");
        }
        anyone.get("/api/stores?status=draft").await.expect(403);
    }

    async fn a_store_is_published_and_withdrawn_by_its_id_or_its_slug(app: &TestApp) {
        let shop = shop(app).await;
        for name in [shop.store.as_str(), "next"] {
            let actions = format!("/api/stores/{name}/actions");
            for withdraw in [app.delete(&format!("{actions}/publish")).await, app.post(&format!("{actions}/unpublish"), json!({})).await] {
                assert_eq!(withdraw.expect(200)["data"]["publishedAt"], Value::Null);
            }
            let published = app.post(&format!("{actions}/publish"), json!({})).await;
            let published = &published.expect(200)["data"];
            assert!(published["publishedAt"].is_string() && published["documentId"] == shop.store.as_str(), "{published}");
        }
        app.post("/api/stores/nowhere/actions/publish", json!({})).await.expect(404);
        app.post("/api/products/a-product/actions/publish", json!({})).await.expect(404); // Products may share a slug.
        app.with_token(None).post("/api/stores/nowhere/actions/publish", json!({})).await.expect(403);
    }

    async fn a_slug_that_only_drafts_have_names_the_one_that_has_it(app: &TestApp) {
        let draft = |title: &str| json!({"data": {"title": title, "slug": "twice"}});
        let first = app.post("/api/stores?status=draft", draft("First")).await;
        let first = first.expect(201)["data"]["documentId"].clone();
        let published = app.post("/api/stores/twice/actions/publish", json!({})).await;
        assert_eq!(published.expect(200)["data"]["documentId"], first);
        app.post("/api/stores?status=draft", draft("Second")).await.expect(201);
        let again = app.post("/api/stores/twice/actions/unpublish", json!({})).await;
        assert_eq!(again.expect(200)["data"]["documentId"], first, "the published one is meant");
        app.post("/api/stores/twice/actions/publish", json!({})).await.expect(409);
    }

    async fn a_store_shows_the_sections_that_its_settings_or_its_products_say(app: &TestApp) {
        let shop = shop(app).await;
        let anyone = app.with_token(None);
        let shown = async |name: &str| anyone.get(&format!("/api/stores/{name}/visibility")).await.expect(200).clone();
        let by_id = shown(&shop.store).await;
        assert_eq!(by_id, shown("next").await);
        assert_eq!(by_id["data"]["summary"], by_id["summary"]);
        assert_eq!(by_id["summary"]["enabled_sections"], json!(["shop", "newsletter"]));
        assert_eq!(by_id["summary"]["explicit_overrides"], json!({"blog": false, "newsletter": true}));
        assert_eq!(by_id["data"]["content_summary"]["products_count"], 1, "drafts are not counted");
        assert_eq!(shown("dev").await["data"]["show_shop"], false);
        for unknown in ["nowhere", "hidden"] {
            anyone.get(&format!("/api/stores/{unknown}/visibility")).await.expect(404);
            anyone.get(&format!("/api/stores/{unknown}/info")).await.expect(404);
        }
    }

    async fn a_public_without_rights_asks_in_vain(app: &TestApp)
    with |config| config.public_access = tenon::access::PublicAccess::None; {
        shop(app).await;
        let anyone = app.with_token(None);
        for path in ["/api/stores/next/info", "/api/stores/next/visibility"] {
            anyone.get(path).await.expect(403);
        }
        for path in ["/api/subscribers/subscribe", "/api/subscribers/unsubscribe", "/api/subscribers"] {
            let body = json!({"data": {"Email": "ada@example.com", "stores": ["next"]}});
            anyone.post(path, body).await.expect(403);
        }
    }

    async fn the_schema_of_a_type_names_the_type_of_each_attribute(app: &TestApp) {
        let anyone = app.with_token(None);
        let schema = anyone.get("/get-strapi-schema/schema/product").await;
        let attributes = &schema.expect(200)["attributes"];
        for (name, part, wanted) in [
            ("Name", "required", json!(true)),
            ("usd_price", "type", json!("decimal")),
            ("PRICES", "component", json!("common.prices")),
            ("Slides", "multiple", json!(true)),
            ("stores", "target", json!("api::store.store")),
            ("createdAt", "type", json!("datetime")),
        ] {
            assert_eq!(attributes[name][part], wanted, "{name}.{part}");
        }
        for unknown in ["page", "article", "event", "products"] {
            anyone.get(&format!("/get-strapi-schema/schema/{unknown}")).await.expect(404);
        }
    }
}

/// What the requests name.
struct Shop {
    /// The documentId of the store `next`.
    store: String,
    /// Its number, as the public sees it.
    number: i64,
}

/// The stores `next`, `dev` and `fika`, a hidden one, and a product in two of them.
async fn shop(app: &TestApp) -> Shop {
    let seo =
        json!({"metaTitle": "Next", "metaDescription": "d", "metaKeywords": "k", "metaUrl": "https://next.example"});
    let settings = json!({"navigation": {"show_blog": false, "show_newsletter": true, "show_shop": "yes"}});
    let next = json!({
        "title": "Next", "slug": "next", "active": true, "Description": "All there is", "SEO": seo, "settings": settings,
        "URLS": [{"Label": "home", "URL": "https://next.example"}]
    });
    let next = app.create("stores", next).await;
    let mut stores = vec![next["documentId"].clone()];
    for slug in ["dev", "fika"] {
        let store =
            json!({"title": slug, "slug": slug, "active": true, "SEO": seo, "URLS": [{"Label": "l", "URL": "u"}]});
        stores.push(app.create("stores", store).await["documentId"].clone());
    }
    let hidden = json!({"data": {"title": "Hidden", "slug": "hidden"}});
    app.post("/api/stores?status=draft", hidden).await.expect(201);
    let product = json!({
        "Name": "A product", "slug": "a-product", "SKU": "A1", "usd_price": 12.5, "quantity": 3, "active": true, "SEO": seo,
        "PRICES": [{"Name": "One", "Price": 12.5, "Currency": "USD", "inventory": 3}], "stores": [stores[0], stores[2]]
    });
    app.create("products", product).await;
    let draft = json!({"data": {"Name": "Not yet", "stores": [stores[0]]}});
    app.post("/api/products?status=draft", draft).await.expect(201);
    let store = next["documentId"].as_str().expect("an id").to_owned();
    Shop { store, number: next["id"].as_i64().expect("a number") }
}

/// Storefronts send the type of a body with every request, those without one too.
async fn ask(caller: &Api, path: &str) -> Answered {
    send(caller.request(Method::GET, path).header("content-type", "application/json")).await
}
