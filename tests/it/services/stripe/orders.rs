//! Which order an invoice or a subscription is of, and that one order makes one of it.

use serde_json::{Value, json};

use super::super::trial::{Trial, Tried};
use super::invoices::{order, stripe};
use super::prices::{at_stripe, prices_path, product_path, sencha};
use super::{INVOICE, SUBSCRIPTION, about_price, found, list, monthly, store, trial};
use crate::support::receiver::{Answer, Receiver};

fn invoice(id: &str, status: &str, store: &str) -> Value {
    json!({"id": id, "status": status, "metadata": {"order": "1001", "store": store}})
}

fn bill(stripe: &Receiver) -> Trial {
    trial(INVOICE, &stripe.url("")).payload(order(json!({})))
}

fn posts(tried: &Tried) -> Vec<String> {
    tried.requests().into_iter().filter(|asked| asked.starts_with("POST")).collect()
}

fn part(objects: Value) -> Answer {
    found(json!({"object": "list", "data": objects, "has_more": true}))
}

#[tokio::test]
async fn stores_with_one_account_have_their_own_orders() {
    let stripe = stripe(json!([invoice("in_0", "open", "another store")]));
    let tried = bill(&stripe).judged().await;
    assert_eq!(posts(&tried)[0], "POST /v1/invoices", "{:?}", tried.requests());

    stripe.answers("/v1/prices/price_1", [found(at_stripe("price_1", json!({})))]);
    let there = |id: &str, store: &str| json!({"id": id, "metadata": {"order": "1001", "store": store}});
    let all = "/v1/subscriptions?customer=cus_1&status=all&limit=100";
    stripe.answers("/v1/subscriptions", [found(json!({"id": "sub_1", "status": "active"}))]);
    for (found, is_made) in [(there("sub_0", "another store"), true), (there("sub_0", &store()), false)] {
        stripe.answers(all, [list(json!([found]))]);
        let line = json!([{"name": "Sencha", "STRIPE_ID": "price_1"}]);
        let tried = trial(SUBSCRIPTION, &stripe.url("")).payload(order(json!({"items": line}))).judged().await;
        assert_eq!(posts(&tried).len(), usize::from(is_made), "{:?}", tried.requests());
    }
}

#[tokio::test]
async fn an_invoice_that_is_remembered_is_not_looked_for() {
    for (there, is_made) in [
        (invoice("in_7", "open", &store()), false),
        (invoice("in_7", "void", &store()), true),
        (invoice("in_7", "open", "another store"), true),
        (json!({"id": "in_7", "deleted": true}), true),
    ] {
        let stripe = stripe(json!([]));
        stripe.answers("/v1/invoices/in_7", [found(there)]);
        let tried = bill(&stripe).meta(json!({"invoice:1001": "in_7"})).judged().await;
        assert_eq!(tried.requests().len(), if is_made { 6 } else { 2 }, "{:?}", tried.requests());
        assert_eq!(tried.outcome.expect("done").meta["invoice:1001"], if is_made { "in_1" } else { "in_7" });
    }
}

#[tokio::test]
async fn an_order_is_found_behind_however_many_others() {
    let search = format!(
        "/v1/invoices/search?query=metadata%5B%27order%27%5D%3A%27O%5C%2798%27+AND+metadata%5B%27store%27%5D%3A%27{}%27&limit=100",
        store()
    );
    let old = json!({"id": "in_2", "status": "paid", "metadata": {"order": "O'98", "store": store()}});
    for (old, is_made) in [(json!([old]), false), (json!([]), true)] {
        let stripe = stripe(json!([]));
        let other = json!([{"id": "in_9", "metadata": {"order": "1"}}]);
        stripe.answers("/v1/invoices?customer=cus_1&limit=100", [part(other.clone())]);
        stripe.answers("/v1/invoices?customer=cus_1&limit=100&starting_after=in_9", [part(other)]);
        stripe.answers(&search, [list(old)]);
        let change = json!({"order": {"id": "O'98", "total": 25.80, "currency": "EUR"}});
        let tried = trial(INVOICE, &stripe.url("")).payload(order(change)).judged().await;
        assert!(tried.requests().contains(&format!("GET {search}")), "{:?}", tried.requests());
        assert_eq!(posts(&tried).is_empty(), !is_made, "{:?}", tried.requests());
    }
}

#[tokio::test]
async fn a_list_without_an_end_is_not_taken_for_one_that_has() {
    let stripe = Receiver::start();
    stripe.answers(&product_path(), [found(sencha())]);
    let prices = json!([at_stripe("price_9", json!({"metadata": {}}))]);
    stripe.answers(&prices_path(), [part(prices.clone())]);
    stripe.answers(&format!("{}&starting_after=price_9", prices_path()), [part(prices)]);
    let trial = about_price(trial(SUBSCRIPTION, &stripe.url("")), "price_created", monthly(json!({})));
    let tried = trial.judged().await;
    assert!(posts(&tried).is_empty(), "{:?}", tried.requests());
    let failure = tried.failure();
    assert!(failure.reason().starts_with("Stripe has more than 10 prices of product tenon_p"), "{failure:?}");
}

#[tokio::test]
async fn runs_for_one_order_say_the_same_with_the_same_keys() {
    let config = json!({"send": true});
    let bill = async |run: &str, change: Value| {
        let stripe = stripe(json!([]));
        let trial = trial(INVOICE, &stripe.url("")).config(config.clone()).payload(order(change)).run_info(run, 1);
        let tried = trial.judged().await;
        let all = (0..tried.exchanges.len()).filter(|place| tried.exchanges[*place].request.method == "POST");
        all.map(|place| (tried.header(place, "idempotency-key").to_owned(), tried.form(place))).collect::<Vec<_>>()
    };
    let first = bill("run_1", json!({})).await;
    assert!(first.len() == 5 && first.iter().all(|(key, _)| !key.contains("run_")), "{first:?}");
    assert_eq!(first, bill("run_2", json!({})).await);
    let other = bill("run_1", json!({"order": {"id": "1002", "total": 25.80, "currency": "EUR"}})).await;
    assert_ne!(first[0].0, other[0].0);
}

#[tokio::test]
async fn what_another_run_makes_of_the_order_is_gone_on_with() {
    let replayed = || found(json!({"id": "in_0", "status": "draft"})).header("idempotent-replayed", "true");
    // It is sent by now, or void.
    for (now, count) in [("open", 1), ("void", 4)] {
        let stripe = stripe(json!([]));
        stripe.answers("/v1/invoices", [replayed(), found(json!({"id": "in_1", "status": "draft"}))]);
        stripe.answers("/v1/invoices/in_0", [found(invoice("in_0", now, &store()))]);
        let tried = bill(&stripe).run_info("run_9", 1).judged().await;
        assert_eq!(posts(&tried).len(), count, "{:?}", tried.requests());
        let id = if now == "void" { "in_1" } else { "in_0" };
        assert_eq!(tried.outcome.expect("done").meta["invoice:1001"], id);
    }
    let stripe = stripe(json!([]));
    let clash = json!({"error": {"type": "idempotency_error", "message": "Keys can only be used once."}});
    stripe.answers("/v1/invoiceitems", [Answer::status(400).body(clash.to_string())]);
    let tried = bill(&stripe).judged().await;
    assert_eq!(posts(&tried), ["POST /v1/invoices", "POST /v1/invoiceitems"], "it is not finalised with half of each");
    let failure = tried.failure();
    assert!(matches!(failure, tenon::handler::Failure::Retry { .. }), "{failure:?}");
}
