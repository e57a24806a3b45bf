//! Subscriptions of who buys.

use serde_json::{Value, json};

use super::super::peers::contract;
use super::super::trial::Trial;
use super::{PRODUCT, SUBSCRIPTION, fields, found, list, product_at_stripe, store, trial};
use crate::support::receiver::{Answer, Receiver};

/// A sale of this line to Ada.
fn sale(trial: Trial, line: Value) -> Trial {
    trial.payload(json!({
        "order": {"id": "1001", "currency": "EUR"},
        "customer": {"email": "ada@example.com", "name": "Ada Lovelace", "phone": "+44 1"},
        "items": [line, {"name": "A cup", "price": 8}],
    }))
}

fn monthly(id: &str) -> Value {
    json!({"id": id, "recurring": {"interval": "month"}, "metadata": {"priceId": "7"}})
}

/// Stripe with the product Sencha and this of its prices, and nobody who bought it.
fn stripe(prices: Value) -> Receiver {
    let stripe = Receiver::start();
    let product = product_at_stripe();
    stripe.answers(&format!("/v1/products/{product}"), [found(json!({"id": product}))]);
    stripe.answers(&format!("/v1/prices?product={product}&active=true&limit=100"), [list(prices)]);
    stripe.answers("/v1/customers?email=ada%40example.com&limit=1", [list(json!([]))]);
    stripe.answers("/v1/customers", [found(json!({"id": "cus_1"}))]);
    stripe.answers("/v1/subscriptions?customer=cus_1&status=all&limit=100", [list(json!([]))]);
    stripe.answers("/v1/subscriptions", [found(json!({"id": "sub_1", "status": "active"}))]);
    stripe
}

#[tokio::test]
async fn all_that_is_said_of_subscriptions_is_what_stripe_takes() {
    let Some(stripe) = contract("stripe") else { return };
    for config in [
        json!({}),
        json!({"collection_method": "send_invoice", "days_until_due": 14, "trial_period_days": 30}),
        json!({"payment_behavior": "default_incomplete", "customer": "store"}),
    ] {
        let line = json!({"name": "Sencha", "STRIPE_ID": "price_1", "quantity": 2});
        let tried = sale(trial(SUBSCRIPTION, &stripe).config(config.clone()), line).run().await;
        assert_eq!(tried.requests().last().map(String::as_str), Some("POST /v1/subscriptions"), "{config}");
        let done = tried.accepted();
        assert_eq!(done.changes.contains_key("STRIPE_CUSTOMER_ID"), config["customer"] == "store", "{done:?}");
    }
}

#[tokio::test]
async fn who_buys_a_recurring_price_is_subscribed() {
    let stripe = stripe(json!([monthly("price_1")]));
    for line in [
        json!({"name": "Sencha", "documentId": PRODUCT, "priceId": 7, "quantity": "2"}),
        json!({"name": "Sencha", "documentId": PRODUCT, "quantity": 2}),
    ] {
        let tried = sale(trial(SUBSCRIPTION, &stripe.url("")), line).judged().await;
        let customer = fields([("email", "ada@example.com"), ("name", "Ada Lovelace"), ("phone", "+44 1")]);
        assert_eq!(tried.form(3), customer, "{:?}", tried.requests());
        let subscription = fields([
            ("customer", "cus_1"),
            ("metadata[order]", "1001"),
            ("metadata[store]", &store()),
            ("items[0][price]", "price_1"),
            ("items[0][quantity]", "2"),
        ]);
        assert_eq!(tried.form(5), subscription);
        assert!(tried.header(5, "idempotency-key").starts_with("subscriptions-"), "the same in every run");
        let done = tried.outcome.expect("done");
        assert_eq!(done.message, "cus_1 is subscribed: sub_1");
        assert_eq!(
            (&done.meta["subscription:1001"], &done.meta["customer:ada@example.com"]),
            (&json!("sub_1"), &json!("cus_1"))
        );
    }
}

#[tokio::test]
async fn nobody_is_subscribed_twice_for_one_order() {
    let stripe = stripe(json!([monthly("price_1")]));
    let there = json!([{"id": "sub_0", "status": "canceled", "metadata": {"order": "1001", "store": store()}}]);
    stripe.answers("/v1/subscriptions?customer=cus_1&status=all&limit=100", [list(there)]);
    let line = json!({"name": "Sencha", "documentId": PRODUCT});
    let tried = sale(trial(SUBSCRIPTION, &stripe.url("")), line).judged().await;
    assert_eq!(tried.outcome.expect("done").message, "cus_1 is subscribed already: sub_0");
    assert!(stripe.received().iter().all(|asked| asked.path != "/v1/subscriptions"));
}

#[tokio::test]
async fn a_remembered_customer_who_is_gone_is_searched_and_made_anew() {
    let line = json!({"name": "Sencha", "documentId": PRODUCT});
    let meta = json!({"customer:ada@example.com": "cus_0"});
    let gone = json!({"error": {"code": "resource_missing", "message": "No such customer"}});
    for (answer, is_kept) in [
        (found(json!({"id": "cus_0"})), true),
        (found(json!({"id": "cus_0", "deleted": true})), false),
        (Answer::status(404).body(gone.to_string()), false),
    ] {
        let stripe = stripe(json!([monthly("price_1")]));
        stripe.answers("/v1/customers/cus_0", [answer]);
        stripe.answers("/v1/subscriptions?customer=cus_0&status=all&limit=100", [list(json!([]))]);
        let tried = sale(trial(SUBSCRIPTION, &stripe.url("")).meta(meta.clone()), line.clone()).judged().await;
        let customer = if is_kept { "cus_0" } else { "cus_1" };
        assert_eq!(tried.outcome.expect("done").meta["customer:ada@example.com"], customer);
        assert_eq!(stripe.received().iter().any(|asked| asked.path == "/v1/customers"), !is_kept);
    }
}

#[tokio::test]
async fn a_sale_of_nothing_recurring_makes_nothing() {
    let stripe = stripe(json!([{"id": "price_2", "recurring": null, "metadata": {"priceId": "7"}}]));
    for line in [
        json!({"name": "Sencha"}),
        json!({"name": "Sencha", "documentId": PRODUCT}),
        json!({"name": "Sencha", "documentId": PRODUCT, "priceId": 7}),
    ] {
        let tried = sale(trial(SUBSCRIPTION, &stripe.url("")), line).judged().await;
        assert_eq!(tried.outcome.expect("done").message, "nothing of this sale is paid again and again");
    }
    assert!(stripe.received().iter().all(|asked| asked.method == "GET"));
}

#[tokio::test]
async fn what_nobody_can_be_subscribed_to_is_told() {
    let several = stripe(json!([monthly("price_1"), monthly("price_2")]));
    let nobody = json!({"items": [{"name": "Sencha", "documentId": PRODUCT, "priceId": 7}]});
    let sencha = json!({"name": "Sencha", "documentId": PRODUCT});
    let with = |more: Value| {
        let mut line = sencha.clone();
        line.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        line
    };
    let gone = json!({"error": {"code": "resource_missing", "message": "No such price"}});
    several.answers("/v1/prices/price_9", [Answer::status(404).body(gone.to_string())]);
    for (trial, reason) in [
        (
            sale(trial(SUBSCRIPTION, &several.url("")), sencha.clone()),
            "payload.items[0] could be at 2 prices of its product",
        ),
        (sale(trial(SUBSCRIPTION, &several.url("")), with(json!({"priceId": 8}))), "there is no price for priceId 8"),
        (
            sale(trial(SUBSCRIPTION, &several.url("")), with(json!({"STRIPE_ID": "price_9"}))),
            "there is no price price_9",
        ),
        (sale(trial(SUBSCRIPTION, &several.url("")), with(json!({"STRIPE_ID": "../.."}))), "there is no price ../.."),
        (
            sale(trial(SUBSCRIPTION, &several.url("")), with(json!({"priceId": 7, "quantity": 1.5}))),
            "payload.items[0].quantity is 1.5: subscriptions are whole",
        ),
        (trial(SUBSCRIPTION, &several.url("")).payload(nobody), "the event has no e-mail address"),
    ] {
        let failure = trial.judged().await.failure();
        assert!(failure.reason().contains(reason), "{reason}: {failure:?}");
    }
}

#[tokio::test]
async fn without_anything_on_file_the_way_out_is_told() {
    let stripe = stripe(json!([monthly("price_1")]));
    let told = json!({"error": {
        "type": "invalid_request_error", "code": "resource_missing",
        "message": "This customer has no attached payment source or default payment method."
    }});
    stripe.answers("/v1/subscriptions", [Answer::status(400).body(told.to_string())]);
    let line = json!({"name": "Sencha", "documentId": PRODUCT});
    let failure = sale(trial(SUBSCRIPTION, &stripe.url("")), line).judged().await.failure();
    assert!(
        failure.reason().ends_with("Or have invoices sent (config.collection_method: send_invoice)"),
        "{failure:?}"
    );
}
