//! Through the whole server: from a change or a sale to what Stripe has and what is kept of it.

use reqwest::Method;
use serde_json::{Value, json};

use super::super::peers::double;
use super::{INVOICE, SUBSCRIPTION, form, missing};
use crate::support::api::Api;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::receiver::Answer;

fn record(key: &str, url: &str, triggers: Value) -> Value {
    json!({"key": key, "triggers": triggers, "url": url, "credentials": {"test_key": "sk_test_1"}})
}

fn monthly(amount: f64) -> Value {
    json!({
        "Name": "Monthly", "Price": amount, "Currency": "EUR",
        "billing_type": "recurring", "billing_interval": "month", "billing_interval_count": 1,
    })
}

/// The prices that a product has in this version.
async fn prices(app: &TestApp, product: &str, status: &str) -> Value {
    let path = format!("/api/products/{product}?populate=PRICES&status={status}");
    app.get(&path).await.expect(200)["data"]["PRICES"].clone()
}

/// The prices that are sold at the double, of a product.
async fn sold(stripe: &str, product: &str) -> Vec<Value> {
    let path = format!("/v1/prices?product=tenon_{product}&active=true&limit=100");
    let asked =
        Api::new(stripe).with_token(Some("sk_test_1")).request(Method::GET, &path).send().await.expect("an answer");
    let list: Value = asked.json().await.expect("JSON");
    list["data"].as_array().expect("a list").clone()
}

async fn messages(app: &TestApp) -> Vec<String> {
    let runs = app.runs().await;
    assert!(runs.iter().all(|run| run["state"] == "completed"), "{runs:#?}");
    let message = |run: &Value| run["attempts"][0]["message"].as_str().expect("a message").to_owned();
    runs.iter().rev().map(message).collect()
}

on_both_databases! {
    async fn a_price_knows_its_id_at_stripe_and_a_changed_one_gets_another(app: &TestApp) {
        let stripe = double("stripe");
        let record = record(SUBSCRIPTION, &stripe, json!(["price_*"]));
        let product = app.create("products", json!({
            "Name": "Tea of the month", "PRICES": [monthly(12.9)], "extensions": [record],
        }));
        let product = product.await;
        let id = product["documentId"].as_str().expect("a documentId");
        app.run_until_idle().await;

        let (published, draft) = (prices(app, id, "published").await, prices(app, id, "draft").await);
        let there = sold(&stripe, id).await;
        assert_eq!((there.len(), &there[0]["unit_amount_decimal"]), (1, &json!("1290")));
        assert!(published[0]["STRIPE_ID"] == there[0]["id"] && draft[0]["STRIPE_ID"] == there[0]["id"], "{published} {draft}");
        // Its own change comes back to it, and ends there.
        let told = messages(app).await;
        let made = format!("Tea of the month: {} made", there[0]["id"].as_str().expect("an id"));
        assert_eq!(told, [made.as_str(), "nothing that Stripe knows of was changed"]);
        let actors = app.texts("SELECT actor FROM events WHERE trigger = 'trigger:price_updated'").await;
        assert!(actors.len() == 1 && actors[0].starts_with("extension:"), "{actors:?}");

        // The editor's copy is from before.
        let mut price = product["PRICES"][0].clone();
        price["Price"] = json!(13.9);
        app.put(&format!("/api/products/{id}"), json!({ "data": { "PRICES": [price] } })).await.expect(200);
        app.run_until_idle().await;
        let now = sold(&stripe, id).await;
        assert_eq!((now.len(), &now[0]["unit_amount_decimal"]), (1, &json!("1390")), "the old one is archived");
        assert_eq!(prices(app, id, "published").await[0]["STRIPE_ID"], now[0]["id"]);
        assert_eq!(messages(app).await.len(), 4);
    }

    async fn what_is_under_way_in_the_draft_stays_there(app: &TestApp) {
        let stripe = double("stripe");
        let mut record = record(SUBSCRIPTION, &stripe, json!([]));
        record["meta"] = json!({"kept": 1});
        let data = json!({"Name": "Tea", "PRICES": [monthly(5.0), monthly(50.0)], "extensions": [record]});
        let product = app.create("products", data).await;
        let id = product["documentId"].as_str().expect("a documentId");
        let mut list = product["PRICES"].clone();
        list[0]["Price"] = json!(6);
        list[1] = monthly(60.0); // Takes the place of the second, which is still published.
        let edit = json!({ "data": { "Name": "Tee", "PRICES": list } });
        app.put(&format!("/api/products/{id}?status=draft"), edit).await.expect(200);
        let found = app.get(&format!("/api/products/{id}?populate=extensions")).await;
        let record = found.expect(200)["data"]["extensions"][0]["id"].clone();
        app.post(&format!("/api/products/{id}/extensions/{record}/run"), json!({})).await.expect(202);
        app.run_until_idle().await;

        let (published, draft) = (prices(app, id, "published").await, prices(app, id, "draft").await);
        assert_eq!(json!([published[0]["Price"], published[1]["Price"]]), json!([5, 50]));
        assert_eq!(json!([draft[0]["Price"], draft[1]["Price"]]), json!([6, 60]));
        let of = |price: &Value| price["STRIPE_ID"].as_str().map(str::to_owned);
        assert!(of(&published[0]).is_some() && of(&published[1]).is_some(), "{published}");
        assert_eq!((of(&draft[0]), of(&draft[1])), (of(&published[0]), None), "the new one is no price of this event");
        let names = [app.get(&format!("/api/products/{id}")).await, app.get(&format!("/api/products/{id}?status=draft")).await];
        assert_eq!(names.map(|found| found.expect(200)["data"]["Name"].clone()), ["Tea", "Tee"]);
        let meta = app.get(&format!("/api/products/{id}?populate=extensions")).await.json["data"]["extensions"][0]["meta"].clone();
        assert_eq!((&meta["kept"], meta[format!("price:{}", published[0]["id"])].as_str()), (&json!(1), of(&published[0]).as_deref()));
    }

    async fn a_sale_is_billed_once_and_the_store_is_known_as_a_customer(app: &TestApp) {
        let mut record = record(INVOICE, &app.receiver.url(""), json!(["post_sale"]));
        record["config"] = json!({"customer": "store", "send": true});
        record["meta"] = json!({"invoice:1001": "in_0", "kept": 1});
        let store = app.store(vec![record]).await;
        let answer = |body: Value| Answer::status(200).body(body.to_string());
        let list = |objects: Value| answer(json!({"object": "list", "data": objects, "has_more": false}));
        let search = format!("/v1/customers/search?query=metadata%5B%27store%27%5D%3A%27{store}%27&limit=1");
        app.receiver.answers(&search, [list(json!([]))]);
        app.receiver.answers("/v1/customers", [answer(json!({"id": "cus_1"}))]);
        app.receiver.answers("/v1/customers/cus_1", [answer(json!({"id": "cus_1"}))]);
        app.receiver.answers("/v1/invoices/in_0", [missing()]);
        app.receiver.answers("/v1/invoices?customer=cus_1&limit=100", [list(json!([]))]);
        let mark = json!({"order": "1001", "store": store, "billing": "done"});
        let billed = json!({"id": "in_1", "status": "open", "metadata": mark});
        app.receiver.answers("/v1/invoices/in_1", [answer(billed)]);
        for path in ["/v1/invoices", "/v1/invoiceitems", "/v1/invoices/in_1/finalize", "/v1/invoices/in_1/send"] {
            app.receiver.answers(path, [answer(json!({"id": "in_1", "status": "draft"}))]);
        }
        let sale = json!({
            "order": {"id": "1001", "total": 25.8, "currency": "EUR"},
            "customer": {"email": "ada@example.com"},
            "items": [{"name": "Sencha", "quantity": 2, "price": 12.9}],
        });
        app.emit(&store, "post_sale", sale.clone()).await;
        app.run_until_idle().await;
        let run = app.only_run().await;
        assert_eq!(run["attempts"][0]["message"], "the invoice in_1 for order 1001 was sent", "{run:#}");
        let made: Vec<_> = app.receiver.received().into_iter().filter(|asked| asked.method == "POST").collect();
        let keys: Vec<_> = made.iter().map(|asked| asked.header("idempotency-key").to_owned()).collect();
        let steps = ["customers-", "invoices-", "line-in_1-0", "finalize-in_1", "send-in_1", "billed-in_1"];
        assert!(keys.len() == steps.len() && keys.iter().zip(steps).all(|(key, step)| key.starts_with(step)), "{keys:?}");
        assert_eq!(form(&made[2].body)["unit_amount_decimal"], "1290");
        for status in ["published", "draft"] {
            let found = app.get(&format!("/api/stores/{store}?status={status}")).await;
            assert_eq!(found.expect(200)["data"]["STRIPE_CUSTOMER_ID"], "cus_1");
        }
        let meta = app.record(&store, 0).await["meta"].to_string();
        let latest_last = format!(r#"{{"kept":1,"invoice:1001":"in_1","customer:{store}":"cus_1"}}"#);
        assert_eq!(meta, latest_last, "what is used is forgotten last");

        app.receiver.forget();
        app.emit(&store, "post_sale", sale).await;
        app.run_until_idle().await;
        assert_eq!(messages(app).await[1], "the invoice in_1 for order 1001 is there already");
        assert!(app.receiver.received().iter().all(|asked| asked.method == "GET"));
    }
}
