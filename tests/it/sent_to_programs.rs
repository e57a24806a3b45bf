//! What a program of the user's own is sent: all of it beside a secret may decide where the secret goes.

use reqwest::Method;
use serde_json::{Value, json};

use crate::support::api::send;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::where_secrets_go::{HERE, asks_at, masked};

on_both_databases! {
    async fn all_that_a_program_is_sent_beside_a_secret_binds_it(app: &TestApp) {
        let config = json!({"send_credentials": true, "folder": "x"});
        let credentials = json!({"secret": "canary-1", "api": "canary", "account": "shop"});
        let record = json!({"key": "external:mine", "triggers": [], "url": HERE, "config": config, "credentials": credentials});
        let store = app.store(vec![record]).await;
        let one = format!("/api/stores/{store}/extensions/{}", app.record(&store, 0).await["id"]);
        let patch = async |data: Value| send(app.request(Method::PATCH, &one).json(&json!({"data": data}))).await;
        for (name, value, path) in [
            ("db", json!("redis://evil.example"), "db"),
            ("gateway", json!("//evil.example"), "gateway"),
            ("proxy", json!("evil.example:443"), "proxy"),
            ("tenant", json!("evil"), "tenant"),
            ("ip", json!("203.0.113.9"), "ip"),
            ("x", json!(["evil.example"]), "x.0"),
            ("port", json!(8443), "port"),
            ("folder", json!("y"), "folder"),
            ("folder", json!(null), "folder"),
        ] {
            let mut changed = config.clone();
            changed[name] = value.clone();
            let kept = masked(&credentials);
            for data in [json!({"config": changed}), json!({"config": changed, "credentials": kept})] {
                let refused = patch(data).await;
                assert_eq!((refused.status, asks_at(&refused)), (400, vec![format!("config.{path}")]), "{name}: {}", refused.text);
            }
        }
        for name in ["tenant", "account"] {
            let mut more = masked(&credentials);
            more[name] = json!("evil");
            let refused = patch(json!({"credentials": more})).await;
            assert_eq!((refused.status, asks_at(&refused)), (400, vec![format!("credentials.{name}")]), "{}", refused.text);
        }
        // What decides nothing, and what comes with the secrets, is taken.
        let mut quick = config.clone();
        quick["policy"] = json!({"timeout_s": 5});
        patch(json!({"config": quick, "triggers": ["post_sale"]})).await.expect(200);
        patch(json!({"config": {"send_credentials": true, "db": "redis://b.example"}, "credentials": credentials})).await.expect(200);
        patch(json!({"config": {"send_credentials": false}, "credentials": credentials})).await.expect(200);
        patch(json!({"config": {"send_credentials": false, "tenant": "b"}})).await.expect(200);
    }
}
