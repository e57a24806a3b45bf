//! Who is a customer already.

use serde_json::{Value, json};

use super::super::peers::double;
use super::super::trial::Tried;
use super::invoices::{order, stripe};
use super::{INVOICE, found, list, trial};
use crate::support::api::Api;

#[tokio::test]
async fn two_sales_at_once_make_one_customer() {
    let stripe = double("stripe");
    let email = "two-at-once@example.com";
    let sale = |run: &str, order_id: &str| {
        let change =
            json!({"order": {"id": order_id, "total": 25.80, "currency": "EUR"}, "customer": {"email": email}});
        trial(INVOICE, &stripe).payload(order(change)).run_info(run, 1).run()
    };
    // The double knows no invoices: what comes after the customer fails.
    let (first, second) = tokio::join!(sale("run_1", "1"), sale("run_2", "2"));
    let key = |tried: &Tried| {
        let place = tried.requests().iter().position(|asked| asked == "POST /v1/customers");
        place.map(|place| tried.header(place, "idempotency-key").to_owned())
    };
    let keys: Vec<_> = [key(&first), key(&second)].into_iter().flatten().collect();
    assert!(!keys.is_empty() && keys.iter().all(|key| *key == keys[0]), "{keys:?}");
    let path = format!("/v1/customers?email={email}");
    let caller = Api::new(&stripe).with_token(Some("sk_test_1"));
    let asked = caller.request(reqwest::Method::GET, &path).send().await.expect("an answer");
    let there: Value = asked.json().await.expect("JSON");
    assert_eq!(there["data"].as_array().map(Vec::len), Some(1), "{there}");
}

#[tokio::test]
async fn runs_that_find_nobody_ask_for_the_same_customer() {
    let ask = async |run: &str, name: &str| {
        let stripe = stripe(json!([]));
        stripe.answers("/v1/customers?email=ada%40example.com&limit=1", [list(json!([]))]);
        stripe.answers("/v1/customers", [found(json!({"id": "cus_1"}))]);
        let change = json!({"customer": {"email": "ada@example.com", "name": name}});
        let tried = trial(INVOICE, &stripe.url("")).payload(order(change)).run_info(run, 1).judged().await;
        assert_eq!(tried.requests()[1], "POST /v1/customers");
        tried.header(1, "idempotency-key").to_owned()
    };
    let first = ask("run_1", "Ada").await;
    assert!(first.starts_with("customers-") && !first.contains("ada"), "{first}");
    assert_eq!(first, ask("run_2", "Ada").await);
    assert_ne!(first, ask("run_1", "Ada Lovelace").await, "Stripe takes a key for the same request only");
}

#[tokio::test]
async fn what_stripe_repeats_is_looked_at() {
    let replayed = || found(json!({"id": "cus_0"})).header("idempotent-replayed", "true");
    let declined = json!({"error": {"type": "api_error", "message": "Broken."}});
    for (answer, now, customer) in [
        (replayed(), json!({"id": "cus_0"}), "cus_0"),
        (replayed(), json!({"id": "cus_0", "deleted": true}), "cus_1"),
        (
            crate::support::receiver::Answer::status(500)
                .body(declined.to_string())
                .header("idempotent-replayed", "true"),
            json!({}),
            "cus_1",
        ),
    ] {
        let stripe = stripe(json!([]));
        stripe.answers("/v1/customers?email=ada%40example.com&limit=1", [list(json!([]))]);
        stripe.answers("/v1/customers", [answer, found(json!({"id": "cus_1"}))]);
        stripe.answers("/v1/customers/cus_0", [found(now)]);
        stripe.answers("/v1/invoices?customer=cus_0&limit=100", [list(json!([]))]);
        let tried = trial(INVOICE, &stripe.url("")).payload(order(json!({}))).run_info("run_9", 1).judged().await;
        let made: Vec<_> = (stripe.received().into_iter()).filter(|asked| asked.path == "/v1/customers").collect();
        let keys: Vec<_> = made.iter().map(|asked| asked.header("idempotency-key").starts_with("run_9:")).collect();
        assert_eq!(keys, if customer == "cus_0" { vec![false] } else { vec![false, true] });
        assert_eq!(tried.outcome.expect("done").meta["customer:ada@example.com"], customer);
    }
}

#[tokio::test]
async fn an_address_is_the_same_in_small_letters() {
    let stripe = stripe(json!([]));
    stripe.answers("/v1/customers?email=Ada%40Example.com&limit=1", [list(json!([]))]);
    let change = json!({"customer": {"email": "Ada@Example.com"}});
    let tried = trial(INVOICE, &stripe.url("")).payload(order(change)).judged().await;
    let searches = ["Ada%40Example.com", "ada%40example.com"];
    assert_eq!(tried.requests()[..2], searches.map(|email| format!("GET /v1/customers?email={email}&limit=1")));
    assert_eq!(tried.outcome.expect("done").meta["customer:Ada@Example.com"], "cus_1");
}

#[tokio::test]
async fn addresses_are_told_to_stripe_and_filled_in_where_there_are_none() {
    let roma = json!({"name": "Grace Hopper", "phone": "+39 1", "street": "Via Roma 1", "street_2": "Scala B", "city": "Turin",
        "state": "TO", "zipcode": "10121", "country": "it"});
    let po = json!({"street": "Via Po 2", "city": "Turin", "country": "Italy"});
    let sold = json!({"order": {"id": "1", "total": 25.80, "currency": "EUR", "Shipping_Address": roma, "Billing_Address": po},
        "customer": {"email": "ada@example.com", "name": "Ada"}});
    let shipping = [
        ("shipping[name]", "Grace Hopper"),
        ("shipping[phone]", "+39 1"),
        ("shipping[address][line1]", "Via Roma 1"),
        ("shipping[address][line2]", "Scala B"),
        ("shipping[address][city]", "Turin"),
        ("shipping[address][state]", "TO"),
        ("shipping[address][postal_code]", "10121"),
        ("shipping[address][country]", "IT"),
    ];
    let billing = [("address[line1]", "Via Po 2"), ("address[city]", "Turin"), ("address[country]", "Italy")];
    for (known, asked, expected) in [
        (json!([]), "POST /v1/customers", [&billing[..], &shipping].concat()),
        (json!([{"id": "cus_1"}]), "POST /v1/customers/cus_1", [&billing[..], &shipping].concat()),
        (json!([{"id": "cus_1", "address": {"line1": "Own"}}]), "POST /v1/customers/cus_1", shipping.to_vec()),
        (json!([{"id": "cus_1", "address": {}, "shipping": {"name": "Ada"}}]), "", Vec::new()),
    ] {
        let stripe = stripe(json!([]));
        stripe.answers("/v1/customers?email=ada%40example.com&limit=1", [list(known.clone())]);
        stripe.answers("/v1/customers", [found(json!({"id": "cus_1"}))]);
        stripe.answers("/v1/customers/cus_1", [found(json!({"id": "cus_1"}))]);
        let tried = trial(INVOICE, &stripe.url("")).payload(order(sold.clone())).judged().await;
        let requests = tried.requests();
        let place = requests.iter().position(|told| told == asked);
        assert_eq!(place.is_some(), !asked.is_empty(), "{known}: {requests:?}");
        let mut told = place.map(|place| tried.form(place)).unwrap_or_default();
        told.retain(|name, _| name.starts_with("address") || name.starts_with("shipping"));
        let expected = expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        assert_eq!(told, expected, "{known}");
        let invoice = requests.iter().position(|told| told == "POST /v1/invoices").expect("the invoice");
        assert_eq!(tried.form(invoice)["shipping_details[address][line1]"], "Via Roma 1");
    }
}
