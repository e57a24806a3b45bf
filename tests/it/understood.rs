//! What is not understood is refused, or done with a warning where Strapi does it too. It is never done in silence.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::{Answered, send};
use crate::support::app::TestApp;
use crate::support::on_both_databases;

/// Sends a body that the OpenAPI document need not describe.
async fn sent(app: &TestApp, method: Method, path: &str, body: &Value) -> Answered {
    let request = app.request(method, path).header("content-type", "application/json");
    // The older form of documents is not looked up in the OpenAPI document.
    send(request.header("Strapi-Response-Format", "flat").body(body.to_string())).await
}

async fn store(app: &TestApp) -> String {
    let data = json!({"title": "Tea", "slug": "tea", "extensions": [
        {"key": "custom:webhook", "triggers": [], "url": "http://127.0.0.1:9/"}]});
    app.create("stores", data).await["documentId"].as_str().expect("an id").to_owned()
}

fn warned(answer: &Answered) -> Vec<String> {
    let warnings = answer.json["meta"]["warnings"].as_array().into_iter().flatten();
    warnings.map(|warning| warning["path"][0].as_str().unwrap_or_default().to_owned()).collect()
}

on_both_databases! {
    async fn a_save_says_what_of_it_it_did_not_understand(app: &TestApp) {
        let id = store(app).await;
        let path = format!("/api/stores/{id}");
        for (query, body, warning) in [
            ("?locale=de", json!({"data": {"title": "Tee"}}), "locale"),
            ("?status=drafts", json!({"data": {"title": "Tee"}}), "status"),
            ("?stauts=draft", json!({"data": {"title": "Tee"}}), "stauts"),
            ("", json!({"data": {"title": "Tee", "locale": "de"}}), "locale"),
            ("", json!({"data": {"title": "Tee", "publishedAt": null}}), "publishedAt"),
            ("", json!({"data": {"title": "Tee"}, "at": "2027-01-01"}), "at"),
        ] {
            let answer = sent(app, Method::PUT, &format!("{path}{query}"), &body).await;
            answer.expect(200);
            assert_eq!(warned(&answer), [warning], "{query} {body}");
        }
        let answer = app.get(&format!("{path}?locale=de")).await;
        assert_eq!(warned(&answer), ["locale"]);
        let deleted = send(app.request(Method::DELETE, &format!("{path}?locale=de"))).await;
        assert_eq!(deleted.status, 204);
        assert!(deleted.headers["warning"].to_str().is_ok_and(|text| text.starts_with("299 - \"locale was ignored")));
    }

    async fn actions_refuse_members_and_parameters_that_they_do_not_take(app: &TestApp) {
        let id = store(app).await;
        let record = app.get(&format!("/api/stores/{id}/extensions")).await.json["data"][0]["id"].to_string();
        let product = app.create("products", json!({"Name": "Tea", "PRICES": [{"Price": 1, "inventory": 5}]})).await;
        let (product, price) = (product["documentId"].as_str().expect("an id"), product["PRICES"][0]["id"].to_string());
        let inventory = format!("/api/products/{product}/prices/{price}/inventory");
        let run = "/tenon/runs/run_01kah4h3t7x4c8n2w9z5q7r1ym";
        for (path, body, member) in [
            (format!("/api/stores/{id}/actions/publish"), json!({"at": "2027-01-01"}), "at"),
            (format!("/api/stores/{id}/actions/publish"), json!({"data": {"at": "2027-01-01"}}), "at"),
            (format!("/api/stores/{id}/actions/unpublish"), json!({"locale": "de"}), "locale"),
            (format!("/api/stores/{id}/actions/discard"), json!({"fields": ["title"]}), "fields"),
            (format!("/api/stores/{id}/extensions/{record}/toggle"), json!({"data": {"activ": true}}), "activ"),
            (format!("/api/stores/{id}/extensions/{record}/toggle"), json!({"active": true, "at": 1}), "at"),
            (format!("/api/stores/{id}/extensions/{record}/run"), json!({"triger": "post_sale"}), "triger"),
            (format!("/api/stores/{id}/extensions/{record}/test"), json!({"dryrun": true}), "dryrun"),
            (format!("/api/stores/{id}/triggers/post_sale"), json!({"payload": {}, "at": 1}), "at"),
            ("/api/triggers".into(), json!({"data": [{"trigger": "post_sale", "target": {"type": "store", "documentId": id}, "when": 1}]}), "when"),
            ("/api/triggers".into(), json!({"data": [], "dryRun": true}), "dryRun"),
            ("/tenon/handlers/custom:webhook/activate".into(), json!({"data": {"targets": [], "trigers": []}}), "trigers"),
            (format!("/tenon/extensions/{record}/inbound/rotate"), json!({"at": 1}), "at"),
            (inventory, json!({"op": "set", "quantity": 1, "at": 1}), "at"),
            (format!("{run}/cancel"), json!({"why": "x"}), "why"),
            (format!("{run}/replay"), json!({"why": "x"}), "why"),
            ("/tenon/runs/replay".into(), json!({"ids": ["x"], "dryrun": true}), "dryrun"),
            ("/api/subscribers/subscribe".into(), json!({"data": {"Email": "a@b.co", "stores": [id]}, "at": 1}), "at"),
            ("/api/subscribers/subscribe".into(), json!({"data": {"Email": "a@b.co", "stores": [id], "Name": "x"}}), "Name"),
            ("/tenon/tokens".into(), json!({"data": {"name": "x", "kind": "read-only", "expires": 1}}), "expires"),
        ] {
            let answer = sent(app, Method::POST, &path, &body).await;
            let problem = &answer.expect(400)["error"]["details"]["errors"][0];
            assert_eq!(problem["path"].as_array().and_then(|path| path.last()), Some(&json!(member)), "{path}: {problem}");
        }
        let draft = app.get(&format!("/api/stores/{id}?status=draft")).await;
        assert_eq!(draft.expect(200)["data"]["title"], "Tea", "nothing was done");
        for path in [
            format!("/api/stores/{id}/actions/publish?locale=de"),
            format!("/api/stores/{id}/actions/publish?status=draft"),
            format!("/api/stores/{id}/actions/unpublish?at=2027"),
            format!("/api/stores/{id}/triggers/post_sale?wait=5"),
            format!("/api/stores/{id}/extensions/{record}/toggle?active=true"),
            format!("/tenon/extensions/{record}/inbound/rotate?dry=true"),
            format!("{run}/cancel?reason=x"),
            "/tenon/runs/replay?dryRun=true".into(),
            "/api/triggers?dryRun=true".into(),
            "/api/subscribers/subscribe?double=true".into(),
            "/tenon/tokens?dry=true".into(),
        ] {
            let answer = sent(app, Method::POST, &path, &json!({})).await;
            let message = answer.expect(400)["error"]["message"].as_str().unwrap_or_default();
            assert!(message.starts_with("Invalid key"), "{path}: {message}");
        }
        for path in [format!("{run}?populate=x"), "/tenon/tokens?page=2".into(), "/api/triggers/post_sale?x=1".into()] {
            assert_eq!(app.get(&path).await.status, 400, "{path}");
        }
    }

    async fn an_action_without_a_body_or_with_an_empty_one_is_done(app: &TestApp) {
        let id = store(app).await;
        for body in [json!({}), json!({"data": {}})] {
            sent(app, Method::POST, &format!("/api/stores/{id}/actions/publish"), &body).await.expect(200);
        }
        let bare = send(app.request(Method::POST, &format!("/api/stores/{id}/actions/publish?fields=title"))).await;
        assert_eq!(bare.expect(200)["data"]["title"], "Tea");
        // A body that is not read may say anything.
        let request = app.request(Method::POST, &format!("/api/stores/{id}/actions/unpublish"));
        let unread = send(request.header("content-type", "text/plain").body(r#"{"at": "2027"}"#)).await;
        unread.expect(415);
        // A list is no object whose members are told by their order.
        let listed = sent(app, Method::POST, "/tenon/runs/replay", &json!([["x"]])).await;
        listed.expect(400);
    }

    async fn a_nearest_name_is_told_with_what_is_not_known(app: &TestApp) {
        let id = store(app).await;
        for (path, near) in [
            ("/api/stores?filters[Slug]=tea", "slug"),
            ("/api/stores?filters[slug][$contain]=tea", "$contains"),
            ("/api/products?sort=name", "Name"),
            ("/api/products?populate=prices", "PRICES"),
            ("/api/products?populate[stores][filter][slug]=x", "filters"),
            ("/tenon/runs?stat=dead", "state"),
        ] {
            let answer = app.get(path).await;
            assert_eq!(answer.expect(400)["error"]["details"]["nearest"], near, "{path}: {}", answer.text);
        }
        for (data, near) in [(json!({"Title": "x"}), "title"), (json!({"SEO": {"metatitle": "x"}}), "metaTitle")] {
            let answer = sent(app, Method::PUT, &format!("/api/stores/{id}"), &json!({ "data": data })).await;
            assert_eq!(answer.expect(400)["error"]["details"]["nearest"], near, "{data}");
        }
    }
}
