//! Odoo and the whole server: a record, an event, a run, and what is remembered.

use serde_json::{Value, json};

use super::double::Double;
use super::{credentials, odoo_of, parts};
use crate::support::app::TestApp;
use crate::support::on_both_databases;

pub fn record(odoo: &Double, key: &str, triggers: &[&str], config: Value) -> Value {
    json!({"key": key, "triggers": triggers, "url": odoo.url(), "credentials": credentials(), "config": config})
}

/// The state and message of each run, the latest first.
async fn told(app: &TestApp) -> Vec<Value> {
    app.run_until_idle().await;
    let told = |run: Value| json!([run["state"], run["attempts"][0]["message"]]);
    app.runs().await.into_iter().map(told).collect()
}

on_both_databases! {
    async fn a_sale_is_an_order_in_odoo_and_told_again_stays_one(app: &TestApp) {
        let odoo = odoo_of(19);
        let order = record(&odoo, "markket:odoo:order", &["trigger:post_sale"], json!({"create_invoice": true, "taxes": "none"}));
        let store = app.store(vec![order]).await;
        let sale = json!({
            "order": {"id": 1042, "total": "25.80", "currency": "EUR"},
            "customer": {"email": "ada@example.com", "name": "Ada Lovelace"},
            "items": [{"name": "Sencha", "sku": "S-100", "quantity": 2, "price": 12.90}],
        });
        for _ in 0..2 {
            app.emit(&store, "post_sale", sale.clone()).await;
            app.run_until_idle().await;
        }
        let runs = app.runs().await;
        let states: Vec<_> = runs.iter().map(|run| run["state"].as_str().expect("a state")).collect();
        assert_eq!(states, ["completed", "completed"], "{runs:#?}");
        assert_eq!(app.record(&store, 0).await["meta"], json!({"order:1042": 2}));
        assert_eq!(parts(&odoo.only("sale.order"), ["client_order_ref", "origin", "state", "amount_total"]), json!(["1042", "the-store", "sale", 25.8]));
        assert_eq!(odoo.only("account.move")["state"], "posted");
    }

    async fn a_product_is_in_odoo_as_it_is_in_the_shop(app: &TestApp) {
        let odoo = odoo_of(18);
        let store = app.store(vec![record(&odoo, "markket:odoo:product", &["trigger:product_*"], json!({}))]).await;
        let tea = json!({"Name": "Sencha", "SKU": "S-100", "stores": [store], "PRICES": [{"Price": 12.9, "Currency": "EUR"}]});
        let tea = app.create("products", tea).await;
        app.run_until_idle().await;
        let path = format!("/api/products/{}", tea["documentId"].as_str().expect("a documentId"));
        let dearer = json!({"data": {"Name": "Sencha, first flush", "PRICES": [{"Price": 14.5, "Currency": "EUR"}]}});
        app.put(&format!("{path}?status=published"), dearer).await.expect(200);
        let runs = told(app).await;
        assert!(runs.iter().all(|run| run[0] == "completed"), "{runs:?}");
        let kept = odoo.only("product.template");
        assert_eq!(parts(&kept, ["name", "default_code", "list_price"]).to_string(), r#"["Sencha, first flush","S-100",14.5]"#);
        let own = format!("product:{}", tea["documentId"].as_str().expect("a documentId"));
        assert_eq!(app.record(&store, 0).await["meta"][own], 1);
        app.delete(&path).await.expect(204);
        told(app).await;
        assert_eq!(odoo.only("product.template")["active"], false);
    }

    async fn a_subscriber_joins_the_list_and_leaves_it(app: &TestApp) {
        let odoo = odoo_of(19);
        odoo.kept().books.put("mailing.list", 2, json!({"name": "Newsletter"}));
        let list = record(&odoo, "markket:odoo:newsletter", &["trigger:new_subscriber", "trigger:subscriber_*"], json!({"list": "Newsletter"}));
        let store = app.store(vec![list]).await;
        let ada = app.create("subscribers", json!({"Email": "ada@example.com", "active": true, "stores": [store]})).await;
        let runs = told(app).await;
        // What it noted in the subscriber is a change too, and leads no further.
        assert_eq!(runs.len(), 2, "{runs:?}");
        assert!(runs.iter().all(|run| run[0] == "completed"), "{runs:?}");
        let path = format!("/api/subscribers/{}", ada["documentId"].as_str().expect("a documentId"));
        assert_eq!(app.get(&path).await.expect(200)["data"]["sync_status"], "synced");
        assert_eq!(odoo.only("mailing.subscription")["opt_out"], false);
        let gone = json!({"data": {"active": false, "unsubscribed_at": "2026-11-22T08:00:00.000Z"}});
        app.put(&path, gone).await.expect(200);
        let runs = told(app).await;
        assert!(runs.iter().all(|run| run[0] == "completed"), "{runs:?}");
        assert_eq!(odoo.only("mailing.subscription")["opt_out"], true);
        assert_eq!(app.get(&path).await.expect(200)["data"]["sync_status"], "unsubscribed");
    }

    async fn a_store_is_a_company_in_odoo(app: &TestApp) {
        let odoo = odoo_of(19);
        let store = app.store(vec![record(&odoo, "markket:odoo", &["trigger:store_updated", "trigger:post_sale"], json!({}))]).await;
        app.put(&format!("/api/stores/{store}?status=published"), json!({"data": {"title": "Tea House"}})).await.expect(200);
        app.run_until_idle().await;
        assert_eq!(parts(&odoo.only("res.partner"), ["name", "ref"]), json!(["Tea House", store]));
        app.emit(&store, "post_sale", json!({"customer": {"email": "ada@example.com"}})).await;
        let runs = told(app).await;
        assert!(runs.iter().all(|run| run[0] == "completed"), "{runs:?}");
        assert_eq!(odoo.all("res.partner").len(), 2);
    }
}
