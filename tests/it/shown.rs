//! What of credentials can be read: whatever their handler's schema does not call a secret.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::send;
use crate::support::app::TestApp;
use crate::support::on_both_databases;

const MASK: &str = "********";

/// Records, with their credentials as they can be read.
fn records(app: &TestApp) -> Vec<(Value, Value)> {
    let url = app.receiver.url("/hook");
    vec![
        (
            json!({"key": "markket:odoo", "credentials":
                {"url": url, "database": "shop", "username": "ada@example.com", "api_key": "0123456789", "more": "x-y-z"}}),
            json!({"url": url, "database": "shop", "username": "ada@example.com", "api_key": MASK, "more": MASK}),
        ),
        (
            json!({"key": "markket:stripe:invoice", "credentials": {"mode": "test", "test_key": "sk_test_0123456789"}}),
            json!({"mode": "test", "test_key": MASK}),
        ),
        (
            json!({"key": "custom:webhook", "url": url, "credentials":
                {"secret": "0123456789", "algorithm": "sha256", "header_name": "X-Shop-Signature"}}),
            json!({"secret": MASK, "algorithm": "sha256", "header_name": "X-Shop-Signature"}),
        ),
        (
            json!({"key": "custom:webhook-authenticated", "url": url, "credentials":
                {"type": "oauth2", "token_url": url, "client_id": "shop", "client_secret": "0123456789", "scope": "write"}}),
            json!({"type": "oauth2", "token_url": url, "client_id": "shop", "client_secret": MASK, "scope": "write"}),
        ),
    ]
}

on_both_databases! {
    async fn what_is_no_secret_is_shown_and_can_be_sent_back(app: &TestApp) {
        let store = app.store(Vec::new()).await;
        for (record, shown) in records(app) {
            let list = format!("/api/stores/{store}/extensions");
            let made = app.post(&list, json!({ "data": record })).await.expect(201)["data"].clone();
            assert_eq!(made["credentials"], shown, "{record}");
            let stored = format!("{list}/{}", made["id"]);
            let patch = json!({"data": {"credentials": shown, "active": false}});
            let patched = send(app.request(Method::PATCH, &stored).json(&patch)).await;
            assert_eq!(patched.expect(200)["data"]["credentials"], shown, "{record}");
        }
        let before = app.get(&format!("/api/stores/{store}?populate=extensions")).await.expect(200)["data"].clone();
        let back = json!({"data": {"extensions": before["extensions"]}});
        app.put(&format!("/api/stores/{store}"), back).await.expect(200);
        let after = app.get(&format!("/api/stores/{store}?populate=extensions")).await;
        assert_eq!(after.expect(200)["data"]["extensions"], before["extensions"]);
    }

    async fn what_nobody_knows_stays_masked(app: &TestApp) {
        let record = json!({"key": "nobody:knows", "triggers": [], "credentials": {"mode": "live", "url": "http://x.example/"}});
        let store = app.store(vec![record]).await;
        assert_eq!(app.record(&store, 0).await["credentials"], json!({"mode": MASK, "url": MASK}));
        let misplaced = json!({"key": "markket:stripe:invoice", "triggers": [], "credentials": {"mode": "sk_live_0123456789"}});
        let store = app.store_named("misplaced", vec![misplaced]).await;
        assert_eq!(app.record(&store, 0).await["credentials"], json!({"mode": MASK}));
        let with_user = json!({"key": "markket:odoo", "triggers": [], "credentials": {"url": "https://ada:0123@odoo.example"}});
        let store = app.store_named("user", vec![with_user]).await;
        assert_eq!(app.record(&store, 0).await["credentials"], json!({"url": MASK}));
    }

    async fn reasons_name_what_is_no_secret(app: &TestApp) {
        let url = app.receiver.url("/hook");
        let answer = json!({"error": {"message": "FATAL: database \"shop-of-ada\" does not exist"}});
        app.receiver.answers("/hook", [crate::support::receiver::Answer::status(404).body(answer.to_string())]);
        let credentials = json!({"url": url, "database": "shop-of-ada", "username": "ada@example.com", "api_key": "0123456789abc"});
        let record = json!({"key": "markket:odoo", "triggers": ["post_sale"], "credentials": credentials});
        let store = app.store(vec![record]).await;
        app.emit(&store, "post_sale", json!({"customer": {"email": "a@b.co"}})).await;
        app.run_until_idle().await;
        let run = app.only_run().await.to_string();
        assert!(run.contains("shop-of-ada") && !run.contains("0123456789abc"), "{run}");
    }
}
