//! Invoices for sales.

use serde_json::{Value, json};

use super::super::peers::contract;
use super::super::trial::Trial;
use super::{INVOICE, fields, found, list, store, trial};
use crate::support::receiver::Receiver;

/// Stripe, where Ada has these invoices.
pub fn stripe(invoices: Value) -> Receiver {
    let stripe = Receiver::start();
    stripe.answers("/v1/customers?email=ada%40example.com&limit=1", [list(json!([{"id": "cus_1"}]))]);
    stripe.answers("/v1/invoices?customer=cus_1&limit=100", [list(invoices)]);
    stripe.answers("/v1/invoices", [found(json!({"id": "in_1", "status": "draft"}))]);
    stripe.answers("/v1/invoiceitems", [found(json!({"id": "ii_1"}))]);
    stripe.answers("/v1/invoices/in_1", [found(json!({"id": "in_1", "status": "open"}))]);
    stripe.answers("/v1/invoices/in_1/finalize", [found(json!({"id": "in_1", "status": "open", "number": "A-1"}))]);
    stripe.answers("/v1/invoices/in_1/send", [found(json!({"id": "in_1", "status": "open"}))]);
    stripe.answers("/v1/invoices/in_1/pay", [found(json!({"id": "in_1", "status": "paid"}))]);
    stripe
}

pub fn order(change: Value) -> Value {
    let mut payload = json!({
        "order": {"id": "1001", "total": 25.80, "currency": "EUR"},
        "customer": {"email": "ada@example.com", "name": "Ada Lovelace"},
        "items": [{"name": "Sencha, 100 g", "sku": "S-100", "quantity": 2, "price": 12.90}],
    });
    for (name, value) in change.as_object().into_iter().flatten() {
        payload[name] = value.clone();
    }
    payload
}

#[tokio::test]
async fn all_that_is_said_of_invoices_is_what_stripe_takes() {
    let Some(stripe) = contract("stripe") else { return };
    let odd = order(json!({
        "order": {"id": 7, "total": "30", "currency": "EUR"},
        "items": [{"name": "茶 \"Grün\"", "quantity": "0.25", "price": "12.905"}, {"name": "A gift", "price": -1}],
    }));
    for (config, payload) in [
        (json!({}), order(json!({}))),
        (json!({"send": true, "auto_advance": true, "days_until_due": 14, "customer": "store"}), order(json!({}))),
        (json!({"collection_method": "charge_automatically", "paid": true, "rest_line": "Shipping"}), odd),
    ] {
        let tried = trial(INVOICE, &stripe).config(config.clone()).payload(payload).run().await;
        assert!(tried.exchanges.len() >= 5, "{config}: {:?}", tried.requests());
        tried.accepted();
    }
}

#[tokio::test]
async fn a_sale_becomes_an_invoice_with_its_lines() {
    let stripe = stripe(json!([]));
    let payload = order(json!({"items": [
        {"name": "Sencha, 100 g", "sku": "S-100", "quantity": 2, "price": 12.90},
        {"name": "Loose", "quantity": 1.5, "price": "0.003"},
    ]}));
    let tried = trial(INVOICE, &stripe.url("")).config(json!({"send": true})).payload(payload).judged().await;
    let posts = [
        "POST /v1/invoices",
        "POST /v1/invoiceitems",
        "POST /v1/invoiceitems",
        "POST /v1/invoices/in_1/finalize",
        "POST /v1/invoices/in_1/send",
        "POST /v1/invoices/in_1",
    ];
    assert_eq!(tried.requests()[2..], posts);
    assert_eq!(
        tried.form(2),
        fields([
            ("customer", "cus_1"),
            ("currency", "eur"),
            ("collection_method", "send_invoice"),
            ("days_until_due", "30"),
            ("auto_advance", "false"),
            ("pending_invoice_items_behavior", "exclude"),
            ("metadata[order]", "1001"),
            ("metadata[store]", &store()),
            ("metadata[billing]", "begun"),
        ])
    );
    let item = [("customer", "cus_1"), ("invoice", "in_1"), ("currency", "eur")];
    let mut first = fields(item);
    first.extend(fields([
        ("unit_amount_decimal", "1290"),
        ("quantity", "2"),
        ("description", "Sencha, 100 g"),
        ("metadata[line]", "0"),
        ("metadata[SKU]", "S-100"),
    ]));
    let mut second = fields(item);
    second.extend(fields([
        ("unit_amount_decimal", "0.3"),
        ("quantity_decimal", "1.5"),
        ("description", "Loose"),
        ("metadata[line]", "1"),
    ]));
    assert_eq!((tried.form(3), tried.form(4)), (first, second));
    assert_eq!(tried.form(5), fields([("auto_advance", "false")]));
    assert_eq!(tried.form(7), fields([("metadata[billing]", "done")]));
    let keys: Vec<_> = (3..8).map(|place| tried.header(place, "idempotency-key").to_owned()).collect();
    assert_eq!(keys, ["line-in_1-0", "line-in_1-1", "finalize-in_1-false", "send-in_1", "billed-in_1"]);
    let done = tried.outcome.expect("done");
    assert_eq!(
        (done.message.as_str(), &done.meta["invoice:1001"]),
        ("the invoice in_1 for order 1001 was sent", &json!("in_1"))
    );
}

#[tokio::test]
async fn an_order_is_billed_once() {
    let there = |status: &str, billing: &str| json!([{"id": "in_1", "status": status, "metadata": {"order": "1001", "store": store(), "billing": billing}}]);
    let config = json!({"send": true});
    let bill = async |invoices: Value| {
        let stripe = stripe(invoices);
        stripe.answers(
            "/v1/invoiceitems?invoice=in_1&limit=100",
            [list(json!([{"id": "ii_0", "metadata": {"line": "0"}}]))],
        );
        let two = json!([{"name": "A", "price": 20}, {"name": "B", "price": 5.80}]);
        let tried =
            trial(INVOICE, &stripe.url("")).config(config.clone()).payload(order(json!({"items": two}))).judged().await;
        tried.requests()[2..].to_vec()
    };
    let finished = ["POST /v1/invoices/in_1/finalize", "POST /v1/invoices/in_1/send", "POST /v1/invoices/in_1"];
    let rest = |requests: &[&str]| requests.iter().map(|asked| (*asked).to_owned()).collect::<Vec<_>>();
    for status in ["open", "paid"] {
        assert_eq!(bill(there(status, "done")).await, rest(&[]), "another run has done it");
        assert_eq!(bill(there(status, "")).await, rest(&[]), "nothing was left to be done");
    }
    assert_eq!(bill(there("open", "begun")).await, rest(&finished[1..]), "the key says whether it was sent");
    let broken_off =
        [&["GET /v1/invoiceitems?invoice=in_1&limit=100", "POST /v1/invoiceitems"], &finished[..]].concat();
    assert_eq!(bill(there("draft", "begun")).await, rest(&broken_off), "what is missing is added");
    let anew = ["POST /v1/invoices", "POST /v1/invoiceitems", "POST /v1/invoiceitems"];
    assert_eq!(bill(there("void", "done")).await, rest(&[&anew[..], &finished[..]].concat()));
}

#[tokio::test]
async fn what_was_paid_in_the_shop_is_not_collected() {
    let stripe = stripe(json!([]));
    for method in ["send_invoice", "charge_automatically"] {
        let config = json!({"paid": true, "auto_advance": true, "collection_method": method});
        let tried = trial(INVOICE, &stripe.url("")).config(config).payload(order(json!({}))).judged().await;
        let steps = ["POST /v1/invoices/in_1/finalize", "POST /v1/invoices/in_1/pay", "POST /v1/invoices/in_1"];
        assert_eq!(tried.requests()[4..], steps);
        assert_eq!(tried.form(4), fields([("auto_advance", "false")]), "or Stripe may be faster");
        assert_eq!(tried.form(5), fields([("paid_out_of_band", "true")]));
        assert_eq!(tried.outcome.expect("done").data.expect("data")["status"], "paid");
    }
}

#[tokio::test]
async fn the_store_may_be_who_pays() {
    let store = |change: Value| {
        let mut store = json!({"documentId": "s".repeat(24), "title": "North", "STRIPE_CUSTOMER_ID": null});
        store["STRIPE_CUSTOMER_ID"] = change;
        store
    };
    let search = format!("/v1/customers/search?query=metadata%5B%27store%27%5D%3A%27{}%27&limit=1", "s".repeat(24));
    for (known, searched, made) in [("cus_1", false, false), ("cus_gone", true, false), ("", true, true)] {
        let stripe = stripe(json!([]));
        stripe.answers("/v1/customers/cus_1", [found(json!({"id": "cus_1"}))]);
        stripe.answers("/v1/customers/cus_gone", [found(json!({"id": "cus_gone", "deleted": true}))]);
        stripe.answers(&search, [list(if made { json!([]) } else { json!([{"id": "cus_1"}]) })]);
        stripe.answers("/v1/customers", [found(json!({"id": "cus_1"}))]);
        let trial = trial(INVOICE, &stripe.url("")).config(json!({"customer": "store"}));
        let tried = trial.about("post_sale", "store", store(json!(known))).payload(order(json!({}))).judged().await;
        assert_eq!(tried.outcome.expect("done").changes["STRIPE_CUSTOMER_ID"], "cus_1");
        let received = stripe.received();
        assert_eq!(received.iter().any(|asked| asked.path == search), searched, "{known}");
        let made_of = received.iter().find(|asked| asked.path == "/v1/customers").map(|asked| super::form(&asked.body));
        let store = "s".repeat(24);
        let expected = fields([("email", "ada@example.com"), ("name", "North"), ("metadata[store]", &store)]);
        assert_eq!(made_of, made.then_some(expected), "{known}");
    }
}

#[tokio::test]
async fn what_cannot_be_billed_is_told_before_anything_is_made() {
    let bill = |change: Value| trial(INVOICE, "http://127.0.0.1:9").payload(order(change));
    let items = |item: Value| bill(json!({ "items": [item], "order": {"id": "1", "currency": "EUR"} }));
    let of: fn(Trial, Value) -> Trial = |trial, config| trial.config(config);
    for (trial, reason) in [
        (bill(json!({"customer": {"name": "Ada"}})), "the event has no e-mail address"),
        (bill(json!({"order": {"id": 1}})), "payload.order.currency is missing, and config.currency too"),
        (bill(json!({"items": [], "order": {"id": 1, "currency": "EUR"}})), "nothing to bill"),
        (items(json!({"name": "Tea"})), "payload.items[0].price is missing"),
        (items(json!({"name": "Tea", "price": 1, "quantity": 0})), "payload.items[0].quantity is 0: nothing to bill"),
        (
            bill(json!({"items": [{"name": "Tea", "price": 500.5}], "order": {"id": "1", "currency": "jpy"}})),
            "payload.items[0].price: 500.5 JPY cannot be charged: it has no smaller unit",
        ),
        (
            bill(json!({"order": {"id": "1", "currency": "EUR", "total": 30.7}})),
            "payload.items sum up to 25.8, but payload.order.total is 30.7",
        ),
        (of(bill(json!({})), json!({"send": true, "collection_method": "charge_automatically"})), "config.send needs"),
        (
            of(bill(json!({})), json!({"days_until_due": 1, "collection_method": "charge_automatically"})),
            "config.days_until_due needs",
        ),
        (of(bill(json!({})), json!({"collection_method": "post"})), "config.collection_method"),
        (bill(json!({})).event(|event| event.trigger = "trigger:order_cancelled".into()), "means nothing here"),
        (bill(json!({})).event(|event| event.trigger = "trigger:store_updated".into()), "means nothing here"),
    ] {
        let tried = trial.judged().await;
        assert_eq!(tried.exchanges.len(), 0, "{reason}");
        let failure = tried.failure();
        assert!(failure.reason().contains(reason), "{reason}: {failure:?}");
    }
}

#[tokio::test]
async fn a_sample_is_marked() {
    let stripe = stripe(json!([]));
    let trial = trial(INVOICE, &stripe.url("")).payload(order(json!({}))).event(|event| event.test = true);
    let tried = trial.judged().await;
    assert_eq!(tried.form(2)["metadata[sample]"], "true");
}
