//! Events that come late: their runs have failed before, or are replayed.

use serde_json::{Value, json};
use tenon::handler::Ordering;

use super::super::trial::Trial;
use super::prices::{at_stripe, prices_path, product_path, sencha};
use super::{
    PRODUCT, SUBSCRIPTION, about_price, about_product, found, list, missing, monthly, product_at_stripe, trial,
};
use crate::support::receiver::Receiver;

/// When the events of trials happened.
const NOW: i64 = 1_795_255_200_000;

fn about(url: &str, trigger: &str, meta: &Value) -> Trial {
    let (trial, price) = (trial(SUBSCRIPTION, url).meta(meta.clone()), monthly(json!({"STRIPE_ID": "price_1"})));
    match trigger.starts_with("price") {
        true => about_price(trial, trigger, price),
        false => about_product(trial, trigger, json!({}), &[price]),
    }
}

#[tokio::test]
async fn an_older_event_takes_nothing_back() {
    let stripe = Receiver::start();
    stripe.answers(&prices_path(), [list(json!([at_stripe("price_1", json!({}))]))]);
    stripe.answers("/v1/prices/price_1", [found(at_stripe("price_1", json!({"product": "prod_gone"})))]);
    stripe.answers("/v1/products/prod_gone", [missing()]);
    stripe.answers("/v1/prices", [found(at_stripe("price_1", json!({})))]);
    for (product, later, earlier) in [
        (found(sencha()), "product_unpublished", "product_published"),
        (found(sencha()), "product_deleted", "product_updated"),
        (found(sencha()), "product_published", "product_unpublished"),
        (found(sencha()), "product_updated", "product_deleted"),
        (found(sencha()), "product_published", "price_updated"),
        (found(sencha()), "product_unpublished", "price_created"),
        (found(sencha()), "price_updated", "price_deleted"),
        (found(sencha()), "price_deleted", "price_updated"),
        (missing(), "product_unpublished", "product_published"),
    ] {
        stripe.answers(&product_path(), [product]);
        let done = about(&stripe.url(""), later, &json!({})).judged().await.outcome.expect("done");
        let meta = Value::Object(done.meta);
        let late = about("http://127.0.0.1:9", earlier, &meta).event(|event| event.occurred_at = NOW - 1).run().await;
        assert_eq!(late.exchanges.len(), 0, "{earlier} after {later}: {meta}");
        assert_eq!(
            late.outcome.expect("done").message,
            "a later change is at Stripe already",
            "{earlier} after {later}"
        );
        let next = about(&stripe.url(""), earlier, &meta).event(|event| event.occurred_at = NOW + 1).judged().await;
        assert!(!next.exchanges.is_empty(), "{earlier} is news after {later}");
    }
}

#[tokio::test]
async fn a_product_is_remembered_once_however_many_prices_it_has() {
    let stripe = Receiver::start();
    let at = |id: i64| at_stripe(&format!("price_{id}"), json!({"metadata": {"priceId": id.to_string()}}));
    stripe.answers(&product_path(), [found(sencha())]);
    stripe.answers(&prices_path(), [list((0..300).map(at).collect())]);
    let prices: Vec<_> = (0..300).map(|id| monthly(json!({"id": id, "STRIPE_ID": format!("price_{id}")}))).collect();
    let (before, after) = (format!("as_of:{PRODUCT}/price-7"), format!("as_of:{PRODUCT}/price-8"));
    let trial = trial(SUBSCRIPTION, &stripe.url(""))
        .meta(json!({&before: NOW - 1, &after: NOW + 1, format!("product:{PRODUCT}"): product_at_stripe()}));
    let done = about_product(trial, "product_published", json!({}), &prices).run().await.outcome.expect("done");
    let times: Value = done.meta.into_iter().filter(|(name, _)| name.starts_with("as_of:")).collect();
    assert_eq!(times, json!({before: null, format!("as_of:{PRODUCT}/product"): NOW}));
}

#[test]
fn what_happens_to_a_product_is_brought_there_in_turn() {
    let registry = tenon::extensions::registry().expect("one handler for each key");
    let entry = registry.find(SUBSCRIPTION).expect("the handler");
    assert_eq!(entry.descriptor().ordering, Ordering::Target);
}
