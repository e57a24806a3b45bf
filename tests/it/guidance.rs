//! Errors that say what to do.

use reqwest::Method;
use serde_json::json;
use tenon::access::Permissions;
use tenon::access::PublicAccess;
use tenon::db::tokens::{self, NewToken, TokenKind};
use tenon::secrets::token_hash;

use crate::support::api::send;
use crate::support::app::TestApp;
use crate::support::database::catalog;
use crate::support::on_both_databases;

const SPENT: &str = "tenon_0123456789abcdefghjkmnpqrstvwxyz01234567";
const NARROW: &str = "tenon_1123456789abcdefghjkmnpqrstvwxyz01234567";
const UNKNOWN: &str = "tenon_2123456789abcdefghjkmnpqrstvwxyz01234567";

async fn tokens(app: &TestApp) {
    let narrow = TokenKind::Custom(Permissions::parse(catalog(), ["store.find"]).expect("a right"));
    for (text, kind, expires_at) in [(SPENT, TokenKind::FullAccess, Some(1)), (NARROW, narrow, None)] {
        let token = NewToken { name: text.into(), kind, hash: token_hash(text), created_at: 0, expires_at };
        app.state.db.write(move |conn| tokens::insert(conn, &token)).await.expect("a token");
    }
}

on_both_databases! {
    async fn a_refusal_names_the_right_that_is_missing_and_whether_a_token_was_seen(app: &TestApp)
        with |config| config.public_access = PublicAccess::None;
    {
        tokens(app).await;
        for (method, path, right) in [
            (Method::GET, "/api/products", "product.find"),
            (Method::GET, "/api/stores/x", "store.findOne"),
            (Method::DELETE, "/api/stores/x", "store.delete"),
            (Method::POST, "/api/stores/x/actions/publish", "store.update"),
            (Method::POST, "/api/stores/x/triggers/post_sale", "store.emit"),
            (Method::GET, "/tenon/runs", "a full-access or a read-only token"),
            (Method::GET, "/tenon/tokens", "a full-access token"),
            (Method::POST, "/tenon/runs/replay", "store.run"),
        ] {
            for (token, said) in [(None, "no token was seen"), (Some(NARROW), "the token that was sent does not have")] {
                let answer = send(app.with_token(token).request(method.clone(), path)).await;
                let warning = answer.expect(403)["error"]["details"]["warnings"][0]["message"].to_string();
                assert!(warning.contains(right) && warning.contains(said), "{path} {token:?}: {warning}");
                assert_eq!(answer.json["error"]["message"], "Forbidden");
            }
        }
    }

    async fn a_token_that_is_not_taken_is_told_why(app: &TestApp) {
        tokens(app).await;
        for (token, message, why) in [
            (SPENT, "Token expired", "has expired"),
            (UNKNOWN, "Missing or invalid credentials", "not known"),
            ("tenon_short", "Missing or invalid credentials", "malformed"),
            ("nope", "Missing or invalid credentials", "malformed"),
        ] {
            let answer = app.with_token(Some(token)).get("/api/stores").await;
            let error = &answer.expect(401)["error"];
            assert_eq!(error["message"], message, "{token}");
            let warning = error["details"]["warnings"][0]["message"].as_str().unwrap_or_default();
            assert!(warning.contains(why) && !warning.contains("2123456789"), "{token}: {warning}");
        }
    }

    async fn a_slug_where_a_document_id_belongs_is_told(app: &TestApp) {
        let store = app.create("stores", json!({"title": "Tea", "slug": "tea"})).await;
        let id = store["documentId"].as_str().expect("an id");
        app.post("/api/stores?status=draft", json!({"data": {"title": "Hidden", "slug": "hidden"}})).await.expect(201);
        for slug in ["green", "green"] {
            app.create("products", json!({"Name": "Tea", "slug": slug})).await;
        }
        let hint = |answer: &crate::support::api::Answered| {
            answer.expect(404)["error"]["details"]["warnings"][0]["message"].as_str().unwrap_or_default().to_owned()
        };
        for path in ["/api/stores/tea", "/api/stores/tea/extensions", "/api/stores/tea/explain?trigger=post_sale"] {
            assert!(hint(&app.get(path).await).contains(id), "{path}");
        }
        let put = app.put("/api/stores/tea", json!({"data": {"title": "x"}})).await;
        assert!(hint(&put).contains(id));
        let emitted = app.post("/api/stores/tea/triggers/post_sale", json!({"payload": {}})).await;
        assert!(hint(&emitted).contains(id));
        assert!(hint(&app.get("/api/products/green").await).contains("several of the products"));
        assert!(hint(&app.get("/api/products/green/prices").await).contains("several of the products"));
        for path in ["/api/stores/hidden", "/api/stores/nothing"] {
            assert_eq!(app.get(path).await.expect(404)["error"]["details"], json!({}), "{path}");
        }
    }

    async fn the_etag_of_a_list_in_if_match_is_told(app: &TestApp) {
        let store = app.create("stores", json!({"title": "Tea", "slug": "tea"})).await;
        let etag = app.get("/api/stores").await.headers["etag"].to_str().expect("a tag").to_owned();
        let path = format!("/api/stores/{}", store["documentId"].as_str().expect("an id"));
        let put = app.request(Method::PUT, &path).header("if-match", etag).json(&json!({"data": {"title": "x"}}));
        let message = send(put).await.expect(412)["error"]["message"].as_str().unwrap_or_default().to_owned();
        assert!(message.contains("that of a list is none"), "{message}");
    }

    async fn a_payload_is_taken_in_data_and_without(app: &TestApp) {
        let store = app.create("stores", json!({"title": "Tea", "slug": "tea"})).await;
        let path = format!("/api/stores/{}/triggers/post_sale", store["documentId"].as_str().expect("an id"));
        for body in [json!({"payload": {"order": {"id": 7}}}), json!({"data": {"payload": {"order": {"id": 7}}}})] {
            // The older form of documents is not looked up in the OpenAPI document.
            let request = app.request(Method::POST, &path).header("Strapi-Response-Format", "flat").json(&body);
            let event = send(request).await.expect(202)["data"]["id"].as_str().expect("an id").to_owned();
            let found = app.get(&format!("/tenon/events/{event}")).await;
            assert_eq!(found.expect(200)["data"]["event"]["payload"]["order"]["id"], 7, "{body}");
        }
    }

    async fn runs_and_events_are_filtered_like_all_lists(app: &TestApp) {
        let hook = app.webhook("trigger:post_sale");
        let store = app.create("stores", json!({"title": "Tea", "slug": "tea", "extensions": [hook]})).await;
        let id = store["documentId"].as_str().expect("an id");
        let event = app.emit(id, "post_sale", json!({})).await;
        app.run_until_idle().await;
        let count = async |path: String| {
            let answer = app.get(&path).await;
            answer.expect(200)["data"].as_array().expect("a list").len()
        };
        for (filter, found) in [
            ("filters[state]=completed".to_owned(), 1),
            ("filters[state][$eq]=dead".to_owned(), 0),
            ("filters[state][$in][0]=dead&filters[state][$in][1]=completed".to_owned(), 1),
            ("filters[key][$eq]=custom:webhook".to_owned(), 1),
            ("filters[trigger]=post_sale".to_owned(), 1),
            (format!("filters[store][$eq]={id}"), 1),
            (format!("filters[target][documentId][$eq]={id}"), 1),
            (format!("filters[document]={id}"), 1),
            (format!("filters[eventId]={event}"), 1),
            ("filters[createdAt][$gte]=2000".to_owned(), 1),
            ("filters[createdAt][$gt]=2000&filters[createdAt][$lte]=2900".to_owned(), 1),
            ("filters[createdAt][$lt]=2000".to_owned(), 0),
            ("filters[state]=completed&key=custom:webhook&pagination[pageSize]=5".to_owned(), 1),
        ] {
            assert_eq!(count(format!("/tenon/runs?{filter}")).await, found, "{filter}");
        }
        for (filter, found) in [
            ("filters[trigger][$eq]=post_sale".to_owned(), 1),
            (format!("filters[store][documentId]={id}&filters[trigger]=trigger:post_sale"), 1),
            ("filters[occurredAt][$gte]=2900".to_owned(), 0),
        ] {
            assert_eq!(count(format!("/tenon/events?{filter}")).await, found, "{filter}");
        }
        assert_eq!(count(format!("/api/stores/{id}/extensions?filters[key]=custom:webhook")).await, 1);
        assert_eq!(count(format!("/api/stores/{id}/extensions?filters[active][$eq]=false")).await, 0);
        for (path, nearest) in [
            ("/tenon/runs?filters[stat]=dead", Some("state")),
            ("/tenon/runs?filters[state][$equals]=dead", None),
            ("/tenon/runs?filters[createdAt][$gtee]=2000", Some("$gte")),
            ("/tenon/events?filters[triger]=x", Some("trigger")),
            ("/tenon/runs?filters[$or][0][state]=dead", None),
            ("/tenon/runs?filters[state]=dead&state=dead", None),
            ("/tenon/runs?filters=dead", None),
            ("/tenon/runs?filters[createdAt][$gte]=yesterday", None),
        ] {
            let answer = app.get(path).await;
            let found = &answer.expect(400)["error"]["details"]["nearest"];
            assert_eq!(found.as_str(), nearest, "{path}: {}", answer.text);
        }
    }
}
