//! What Strapi answers to requests that are not quite right, beyond the recorded cases.

use reqwest::Method;
use serde_json::json;

use crate::support::api::send;
use crate::support::app::TestApp;
use crate::support::on_both_databases;

on_both_databases! {
    async fn a_filter_is_never_lost_however_it_is_spelt(app: &TestApp) {
        app.create("stores", json!({"title": "x", "slug": "enc"})).await;
        for query in [
            "filters%255Bslug%255D=nope",
            "filters%25255Bslug%25255D=nope",
            "filters.slug=nope",
            "filters.slug[$eq]=nope",
            "filters[slug=nope",
            "filters[slug][$eq=nope",
            "filters%5Bslug=nope",
            "Filters[slug]=nope",
            "fliters[slug]=nope",
            "filter.slug=nope",
            "filters[__proto__]=nope",
            "filters[__proto__][slug]=nope",
            "filters[sl%00ug]=nope",
            "filters%00[slug]=nope",
            "filters[slug]=no%00pe",
        ] {
            let answer = app.get(&format!("/api/stores?{query}")).await;
            assert_eq!(answer.status, 400, "{query}: {}", answer.text);
        }
        for (query, key, path) in [
            ("filters[slug=nope", "[slug", json!(null)),
            ("filters[slug][$eq=nope", "[$eq", json!("slug")),
            ("filters[sl%00ug]=nope", "sl\0ug", json!(null)),
            ("filters[__proto__]=nope", "__proto__", json!(null)),
        ] {
            let details = &app.get(&format!("/api/stores?{query}")).await.json["error"]["details"];
            assert_eq!((&details["key"], &details["path"]), (&json!(key), &path), "{query}");
        }
        // What only asks for less or for nothing is ignored as in Strapi, and told.
        for query in ["__proto__=1", "__proto__[slug]=1", "[foo=1", "_where[slug]=nope"] {
            let answer = app.get(&format!("/api/stores?{query}")).await;
            assert_eq!(answer.expect(200)["meta"]["warnings"].as_array().map(Vec::len), Some(1), "{query}");
        }
        let prices = app.create("products", json!({"Name": "x", "PRICES": [{"Price": 1}]})).await;
        let path = format!("/api/products/{}/prices?filters.Price=2", prices["documentId"].as_str().expect("an id"));
        app.get(&path).await.expect(400);
    }

    async fn the_number_of_a_page_is_whole(app: &TestApp) {
        for (asked, page) in [("1.5", 1), ("2.5", 2), ("1", 1), ("3.0", 3)] {
            let answer = app.get(&format!("/api/stores?pagination[page]={asked}&pagination[pageSize]=2")).await;
            assert_eq!(answer.expect(200)["meta"]["pagination"]["page"].to_string(), page.to_string(), "{asked}");
        }
    }

    async fn an_unknown_part_of_a_dotted_name_is_told_with_the_whole_name(app: &TestApp) {
        for (query, path) in [
            ("populate=stores.foo", "stores.foo"),
            ("populate[0]=PRICES.foo", "PRICES.foo"),
            ("populate=stores.SEO.foo", "stores.SEO.foo"),
            ("populate=foo.bar", "foo"),
            ("populate=stores.*", "stores.*"),
        ] {
            let answer = app.get(&format!("/api/products?{query}")).await;
            assert_eq!(answer.expect(400)["error"]["details"]["path"], path, "{query}");
        }
    }

    async fn a_body_that_cannot_be_unpacked_is_refused_by_the_name_of_its_packing(app: &TestApp) {
        for encoding in ["br", "zstd", "compress", "gzip, br", "nonsense"] {
            for path in ["/api/products", "/tenon/runs/replay"] {
                let request = app.request(Method::POST, path).header("content-encoding", encoding);
                let answer = send(request.header("content-type", "application/json").body("\u{8b}")).await;
                let message = answer.expect(415)["error"]["message"].as_str().unwrap_or_default();
                assert!(message.contains(&format!("Unsupported Content-Encoding: {encoding};")), "{path}: {message}");
            }
        }
        let plain = app.request(Method::POST, "/api/stores").header("content-encoding", "Identity");
        let plain = plain.header("content-type", "application/json").body(r#"{"data": {"title": "x", "slug": "x"}}"#);
        send(plain).await.expect(201);
    }

    async fn a_body_that_is_no_json_is_told_of_before_a_route_is_looked_for(app: &TestApp) {
        for (method, path, otherwise) in [
            (Method::POST, "/api/nothing", 405),
            (Method::PATCH, "/api/stores/x", 405),
            (Method::PUT, "/api/stores", 405),
            (Method::DELETE, "/api/nothing", 405),
            (Method::GET, "/api/nothing", 404),
        ] {
            // The OpenAPI document does not describe what is no route; it has no word of the older form of documents either.
            let of = |body: &'static str| {
                let request = app.request(method.clone(), path).header("Strapi-Response-Format", "flat");
                send(request.header("content-type", "application/json").body(body))
            };
            let is_read = !matches!(method, Method::GET | Method::DELETE);
            let answer = of("{").await;
            assert_eq!(answer.status, if is_read { 400 } else { otherwise }, "{method} {path}");
            assert!(!is_read || answer.json["error"]["name"] == "SyntaxError", "{method} {path}");
            assert_eq!(of("{}").await.status, otherwise, "{method} {path}");
        }
    }
}
