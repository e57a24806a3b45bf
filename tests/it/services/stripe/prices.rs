//! Products and prices on their way to Stripe.

use serde_json::{Value, json};

use super::super::peers::{contract, double};
use super::super::trial::{Trial, Tried};
use super::{
    PRODUCT, SUBSCRIPTION, about_price, about_product, fields, found, list, missing, monthly, product_at_stripe, trial,
};
use crate::support::receiver::{Answer, Receiver};

pub fn prices_path() -> String {
    format!("/v1/prices?product={}&active=true&limit=100", product_at_stripe())
}

pub fn product_path() -> String {
    format!("/v1/products/{}", product_at_stripe())
}

/// The price [`monthly`] as Stripe has it.
pub fn at_stripe(id: &str, change: Value) -> Value {
    let mut price = json!({
        "id": id, "object": "price", "active": true, "currency": "eur", "unit_amount": 1290,
        "unit_amount_decimal": "1290", "recurring": {"interval": "month", "interval_count": 1},
        "nickname": "Monthly", "metadata": {"priceId": "7"}, "product": product_at_stripe(),
    });
    for (name, value) in change.as_object().into_iter().flatten() {
        price[name] = value.clone();
    }
    price
}

pub fn sencha() -> Value {
    json!({
        "id": product_at_stripe(), "object": "product", "active": true, "name": "Sencha 煎茶",
        "description": "Green tea.", "metadata": {"documentId": PRODUCT, "SKU": "S-100"},
    })
}

#[tokio::test]
async fn all_that_is_said_of_prices_is_what_stripe_takes() {
    let Some(stripe) = contract("stripe") else { return };
    let listed = crate::support::api::Api::new(&stripe).request(reqwest::Method::GET, "/v1/prices").send().await;
    let listed: Value = listed.expect("an answer").json().await.expect("JSON");
    let meta = json!({"price:7": listed["data"][0]["id"]}); // So that there is something to archive.
    let once = json!({"id": 8, "billing_type": "one_time", "Price": "0.005"});
    let prices = [monthly(json!({})), monthly(once)];
    for (trigger, is_of_price) in
        [("price_created", true), ("price_deleted", true), ("product_published", false), ("product_deleted", false)]
    {
        let trial = trial(SUBSCRIPTION, &stripe).config(json!({"one_time": true})).meta(meta.clone());
        let trial = match is_of_price {
            true => about_price(trial, trigger, prices[0].clone()),
            false => about_product(trial, trigger, json!({}), &prices),
        };
        let tried = trial.run().await;
        let all_versioned =
            (0..tried.exchanges.len()).all(|at| tried.header(at, "stripe-version").starts_with("2026-"));
        assert!(all_versioned && tried.exchanges.len() >= 3, "{trigger}: {:?}", tried.requests());
        tried.accepted();
    }
}

#[tokio::test]
async fn a_new_price_is_made_with_its_product() {
    let stripe = Receiver::start();
    stripe.answers(&product_path(), [missing()]);
    stripe.answers("/v1/products", [found(sencha())]);
    stripe.answers(&prices_path(), [list(json!([]))]);
    stripe.answers("/v1/prices", [found(at_stripe("price_1", json!({})))]);
    let tried = about_price(trial(SUBSCRIPTION, &stripe.url("")), "price_created", monthly(json!({}))).judged().await;
    let expected = [
        format!("GET {}", product_path()),
        "POST /v1/products".into(),
        format!("GET {}", prices_path()),
        "POST /v1/prices".into(),
    ];
    assert_eq!(tried.requests(), expected);
    let product = product_at_stripe();
    assert_eq!(
        tried.form(1),
        fields([
            ("id", &product),
            ("name", "Sencha 煎茶"),
            ("metadata[documentId]", PRODUCT),
            ("metadata[SKU]", "S-100")
        ])
    );
    let key = format!("tenon_{product}_7_1290eur_1month");
    assert_eq!(
        tried.form(3),
        fields([
            ("product", &product),
            ("currency", "eur"),
            ("unit_amount", "1290"),
            ("recurring[interval]", "month"),
            ("recurring[interval_count]", "1"),
            ("nickname", "Monthly"),
            ("lookup_key", &key),
            ("metadata[priceId]", "7"),
            ("metadata[documentId]", PRODUCT),
        ])
    );
    let run = "run_01kah4h3t6x4c8n2w9z5q7r1yn";
    assert_eq!(tried.header(3, "idempotency-key"), format!("{run}:price-7-1290eur_1month"));
    assert_eq!(tried.header(3, "authorization"), "********");
    let done = tried.outcome.expect("done");
    assert_eq!(done.price_changes[&7]["STRIPE_ID"], "price_1");
    assert_eq!(
        (&done.meta["price:7"], &done.meta[&format!("product:{PRODUCT}")]),
        (&json!("price_1"), &json!(product))
    );
}

/// With the double, which keeps what is made, and takes the same key for the same request only.
#[tokio::test]
async fn a_price_is_made_once_and_a_changed_one_takes_its_place() {
    let stripe = double("stripe");
    let document_id = "dddddddddddddddddddddddd";
    let try_it = async |run: &str, price: Value, meta: Value| -> Tried {
        let trial = trial(SUBSCRIPTION, &stripe).meta(meta).run_info(run, 1);
        let trial = about_price(trial, "price_created", price).event(|event| {
            event.target.document_id = document_id.to_owned();
        });
        trial.judged().await
    };
    let posts = |tried: &Tried| tried.requests().iter().filter(|asked| asked.starts_with("POST")).count();
    let first = try_it("run_1", monthly(json!({})), json!({})).await;
    assert_eq!(posts(&first), 2, "{:#?}", first);
    let id = first.outcome.expect("done").price_changes[&7]["STRIPE_ID"].clone();
    // Its answer was lost, and nothing is remembered: by another run, and by the same.
    for run in ["run_1", "run_2"] {
        let again = try_it(run, monthly(json!({})), json!({})).await;
        assert_eq!((posts(&again), &again.outcome.expect("done").price_changes[&7]["STRIPE_ID"]), (0, &id));
    }
    let dearer = monthly(json!({"Price": "13.90", "STRIPE_ID": id}));
    let changed = try_it("run_3", dearer, json!({})).await;
    assert_eq!(posts(&changed), 2, "one is made, one is archived: {:#?}", changed.requests());
    let next = changed.outcome.expect("done").price_changes[&7]["STRIPE_ID"].clone();
    assert_ne!(next, id);
    let caller = crate::support::api::Api::new(&stripe).with_token(Some("sk_test_1"));
    for (id, active) in [(&id, false), (&next, true)] {
        let path = format!("/v1/prices/{}", id.as_str().expect("an id"));
        let asked = caller.request(reqwest::Method::GET, &path).send().await.expect("an answer");
        let price: Value = asked.json().await.expect("JSON");
        assert_eq!(price["active"], active, "{price}");
    }
}

#[tokio::test]
async fn what_stripe_does_not_know_of_is_no_call() {
    let nowhere = "http://127.0.0.1:9";
    let known = monthly(json!({"STRIPE_ID": "price_1"}));
    let changed = |path: &str| json!({path: {"from": null, "to": "price_1"}});
    let price = |trigger: &str, price: &Value| about_price(trial(SUBSCRIPTION, nowhere), trigger, price.clone());
    let product = |trigger: &str, change: Value| {
        about_product(trial(SUBSCRIPTION, nowhere), trigger, change, std::slice::from_ref(&known))
    };
    let draft = |trial: Trial| {
        trial.event(|event| {
            let text = event.data.text().replace(r#""2026-11-21T09:00:00.000Z""#, "null");
            event.data = super::super::trial::as_json(serde_json::from_str(&text).expect("JSON"));
        })
    };
    let later = json!({format!("as_of:{PRODUCT}/price-7"): 1_795_255_200_001_i64});
    for (trial, told) in [
        (price("price_updated", &known).changes(changed("STRIPE_ID")), "nothing that Stripe knows of was changed"),
        (price("price_updated", &known).changes(changed("inventory")), "nothing that Stripe knows of was changed"),
        (product("product_updated", json!({})).changes(changed("PRICES[7].STRIPE_ID")), "nothing that Stripe knows of"),
        (product("product_updated", json!({})).changes(changed("Tag[1].Label")), "nothing that Stripe knows of"),
        (draft(price("price_created", &known)), "a draft is not sold yet"),
        (draft(product("product_updated", json!({}))), "a draft is not sold yet"),
        (draft(price("price_deleted", &known)), "a draft is not sold yet"),
        (price("price_updated", &known).changes(changed("Price")).meta(later), "a later change is at Stripe already"),
        (
            price("price_created", &monthly(json!({"billing_type": "one_time"}))),
            "has no price that is paid again and again",
        ),
    ] {
        let tried = trial.judged().await;
        assert_eq!(tried.exchanges.len(), 0, "{told}");
        let done = tried.outcome.unwrap_or_else(|failure| panic!("{told}: {failure:?}"));
        assert!(done.message.contains(told) && done.price_changes.is_empty(), "{told}: {}", done.message);
    }
}

#[tokio::test]
async fn a_price_that_was_that_once_is_taken_up_again() {
    let stripe = Receiver::start();
    let key = format!("tenon_{}_7_1290eur_1month", product_at_stripe());
    let old = at_stripe("price_2", json!({"unit_amount_decimal": "1390"}));
    let archived = at_stripe("price_1", json!({"active": false, "lookup_key": key}));
    stripe.answers(&product_path(), [found(sencha())]);
    stripe.answers(&prices_path(), [list(json!([old]))]);
    let taken =
        json!({"error": {"type": "invalid_request_error", "param": "lookup_key", "message": "already uses that"}});
    stripe.answers("/v1/prices", [Answer::status(400).body(taken.to_string())]);
    let by_key = format!("/v1/prices?lookup_keys%5B0%5D={key}&limit=1");
    stripe.answers(&by_key, [list(json!([archived]))]);
    stripe.answers("/v1/prices/price_1", [found(at_stripe("price_1", json!({})))]);
    stripe.answers("/v1/prices/price_2", [found(json!({"id": "price_2"}))]);
    let tried = about_price(trial(SUBSCRIPTION, &stripe.url("")), "price_updated", monthly(json!({}))).judged().await;
    assert_eq!(
        tried.requests()[3..],
        [format!("GET {by_key}"), "POST /v1/prices/price_1".into(), "POST /v1/prices/price_2".into()]
    );
    assert_eq!((tried.form(4), tried.form(5)), (fields([("active", "true")]), fields([("active", "false")])));
    assert_eq!(tried.outcome.expect("done").price_changes[&7]["STRIPE_ID"], "price_1");
}

#[tokio::test]
async fn what_another_run_makes_at_the_same_time_is_found() {
    let stripe = Receiver::start();
    stripe.answers(&product_path(), [missing(), found(sencha())]);
    let taken = json!({"error": {"code": "resource_already_exists", "message": "Product already exists."}});
    stripe.answers("/v1/products", [Answer::status(400).body(taken.to_string())]);
    stripe.answers(&prices_path(), [list(json!([at_stripe("price_1", json!({}))]))]);
    let tried = about_price(trial(SUBSCRIPTION, &stripe.url("")), "price_created", monthly(json!({}))).judged().await;
    assert_eq!(tried.exchanges.len(), 4, "{:?}", tried.requests());
    assert_eq!(tried.outcome.expect("done").price_changes[&7]["STRIPE_ID"], "price_1");
}

#[tokio::test]
async fn a_price_that_somebody_made_before_is_kept_with_its_product() {
    let stripe = Receiver::start();
    let product =
        json!({"id": "prod_old", "name": "Sencha 煎茶", "metadata": {"SKU": "S-100"}, "default_price": "price_old"});
    let old = at_stripe("price_old", json!({"metadata": {}, "product": "prod_old"}));
    stripe.answers("/v1/prices/price_old", [found(old.clone())]);
    stripe.answers("/v1/products/prod_old", [found(product)]);
    stripe.answers("/v1/prices?product=prod_old&active=true&limit=100", [list(json!([old]))]);
    stripe.answers("/v1/prices", [found(at_stripe("price_new", json!({"product": "prod_old"})))]);
    let known = |amount: &str| monthly(json!({"STRIPE_ID": "price_old", "Price": amount}));
    let same = about_price(trial(SUBSCRIPTION, &stripe.url("")), "price_created", known("12.90")).judged().await;
    assert_eq!(same.exchanges.len(), 3, "{:?}", same.requests());
    assert_eq!(same.outcome.expect("done").price_changes[&7]["STRIPE_ID"], "price_old");
    let dearer = about_price(trial(SUBSCRIPTION, &stripe.url("")), "price_updated", known("13.90")).judged().await;
    let expected = ["POST /v1/prices", "POST /v1/products/prod_old", "POST /v1/prices/price_old"];
    assert_eq!(dearer.requests()[3..], expected, "what is sold by default cannot be archived");
    assert_eq!(dearer.form(4), fields([("default_price", "price_new")]));
}

#[tokio::test]
async fn what_is_no_longer_sold_is_archived() {
    let stripe = Receiver::start();
    stripe.answers(&product_path(), [found(sencha())]);
    stripe.answers(&prices_path(), [list(json!([at_stripe("price_1", json!({}))]))]);
    stripe.answers("/v1/prices/price_1", [found(json!({"id": "price_1"}))]);
    let stripe = stripe.url("");
    let remembered = json!({format!("product:{PRODUCT}"): product_at_stripe(), "price:7": "price_1"});
    let once = monthly(json!({"billing_type": "one_time", "STRIPE_ID": "price_1"}));
    let changed =
        about_price(trial(SUBSCRIPTION, &stripe).meta(remembered.clone()), "price_updated", once).judged().await;
    assert_eq!(changed.form(2), fields([("active", "false")]));
    assert_eq!(changed.outcome.expect("done").price_changes[&7]["STRIPE_ID"], Value::Null);
    let deleted =
        about_price(trial(SUBSCRIPTION, &stripe).meta(remembered), "price_deleted", monthly(json!({}))).judged().await;
    assert_eq!(
        (deleted.requests()[2].as_str(), deleted.form(2)),
        ("POST /v1/prices/price_1", fields([("active", "false")]))
    );
    let withdrawn = about_product(trial(SUBSCRIPTION, &stripe), "product_unpublished", json!({}), &[]).judged().await;
    assert_eq!(
        (withdrawn.requests()[2].clone(), withdrawn.form(2)),
        (format!("POST {}", product_path()), fields([("active", "false")]))
    );
}

#[tokio::test]
async fn a_price_that_went_in_the_draft_is_archived_when_that_is_published() {
    let stripe = Receiver::start();
    let other = at_stripe("price_8", json!({"metadata": {"priceId": "8", "documentId": PRODUCT}}));
    let of_another = at_stripe("price_9", json!({"metadata": {"priceId": "9", "documentId": "another"}}));
    let by_hand = at_stripe("price_10", json!({"metadata": {}}));
    stripe.answers(&product_path(), [found(sencha())]);
    stripe.answers(&prices_path(), [list(json!([at_stripe("price_1", json!({})), other, of_another, by_hand]))]);
    stripe.answers("/v1/prices/price_8", [found(json!({"id": "price_8"}))]);
    let meta = json!({format!("product:{PRODUCT}"): product_at_stripe()});
    for prices in [&[monthly(json!({"STRIPE_ID": "price_1"}))][..], &[monthly(json!({"billing_type": "one_time"}))]] {
        let trial = trial(SUBSCRIPTION, &stripe.url("")).meta(meta.clone());
        let tried = about_product(trial, "product_published", json!({}), prices).judged().await;
        let posts: Vec<_> = tried.requests().into_iter().filter(|asked| asked.starts_with("POST")).collect();
        let was_recurring = prices[0]["billing_type"] == "one_time";
        stripe.answers("/v1/prices/price_1", [found(json!({"id": "price_1"}))]);
        let first = was_recurring.then(|| "POST /v1/prices/price_1".to_owned());
        let expected: Vec<_> = first.into_iter().chain(["POST /v1/prices/price_8".to_owned()]).collect();
        assert_eq!(posts, expected, "{tried:#?}");
    }
}

#[tokio::test]
async fn prices_that_are_paid_once_and_were_made_elsewhere_are_left_alone() {
    let once = monthly(json!({"billing_type": "one_time", "STRIPE_ID": "price_old"}));
    for trigger in ["price_created", "price_updated", "price_deleted"] {
        let tried = about_price(trial(SUBSCRIPTION, "http://127.0.0.1:9"), trigger, once.clone()).run().await;
        assert_eq!(tried.exchanges.len(), 0, "{trigger}");
        assert!(tried.outcome.expect("done").price_changes.is_empty());
    }
    let stripe = Receiver::start();
    let old = at_stripe("price_old", json!({"recurring": null, "metadata": {}}));
    stripe.answers(&product_path(), [found(sencha())]);
    stripe.answers(&prices_path(), [list(json!([at_stripe("price_1", json!({"metadata": {"priceId": "8"}})), old]))]);
    stripe.answers("/v1/prices/price_old", [found(json!({"id": "price_old", "product": product_at_stripe()}))]);
    let deleted =
        about_product(trial(SUBSCRIPTION, &stripe.url("")), "product_deleted", json!({}), std::slice::from_ref(&once));
    assert_eq!(deleted.judged().await.requests()[0], format!("GET {}", product_path()), "its price leads nowhere");
    let prices = [once, monthly(json!({"id": 8, "STRIPE_ID": "price_1"}))];
    let trial = trial(SUBSCRIPTION, &stripe.url(""));
    let tried = about_product(trial, "product_published", json!({}), &prices).judged().await;
    assert!(tried.requests().iter().all(|asked| asked.starts_with("GET")), "{:?}", tried.requests());
    assert_eq!(tried.outcome.expect("done").price_changes.keys().collect::<Vec<_>>(), [&8]);
}

#[tokio::test]
async fn a_renamed_product_is_renamed_there() {
    let stripe = Receiver::start();
    stripe.answers(&product_path(), [found(sencha())]);
    stripe.answers(&prices_path(), [list(json!([at_stripe("price_1", json!({}))]))]);
    let renamed = about_product(
        trial(SUBSCRIPTION, &stripe.url("")),
        "product_updated",
        json!({"Name": "Gyokuro", "active": false}),
        &[monthly(json!({"STRIPE_ID": "price_1"}))],
    );
    let renamed = renamed.meta(json!({format!("product:{PRODUCT}"): product_at_stripe()}));
    let renamed = renamed.changes(json!({"Name": {"from": "Sencha 煎茶", "to": "Gyokuro"}}));
    let tried = renamed.judged().await;
    assert_eq!(tried.requests()[1], format!("POST {}", product_path()));
    assert_eq!(tried.form(1), fields([("name", "Gyokuro"), ("active", "false")]));
    assert_eq!(tried.exchanges.len(), 3, "the price is as it was");
}

#[tokio::test]
async fn what_no_price_can_be_made_of_is_told_before_anything_is_made() {
    let nowhere = "http://127.0.0.1:9";
    for (trial, reason) in [
        (
            about_price(trial(SUBSCRIPTION, nowhere), "price_created", monthly(json!({"Price": null}))),
            "Price is missing",
        ),
        (
            about_price(trial(SUBSCRIPTION, nowhere), "price_created", monthly(json!({"Currency": null}))),
            "Currency is missing, and config.currency too",
        ),
        (
            about_product(
                trial(SUBSCRIPTION, nowhere),
                "product_published",
                json!({"Name": " "}),
                &[monthly(json!({}))],
            ),
            "the product's Name is missing",
        ),
        (
            about_price(trial(SUBSCRIPTION, nowhere), "inventory_zero", monthly(json!({}))),
            "trigger:inventory_zero means nothing here: let the record listen to price_created",
        ),
        (
            Trial::of(SUBSCRIPTION).credentials(json!({"test_key": "sk_test_1"})).about(
                "store_updated",
                "store",
                json!({}),
            ),
            "trigger:store_updated means nothing here",
        ),
        (
            about_price(trial(SUBSCRIPTION, nowhere), "price_created", monthly(json!({})))
                .credentials(json!({"secret_key": "pk_test_1"})),
            "credentials.secret_key is a publishable key",
        ),
        (
            about_price(trial(SUBSCRIPTION, nowhere), "price_created", monthly(json!({})))
                .credentials(json!({"live_key": "sk_live_1"}))
                .event(|event| event.test = true),
            "a sample makes nothing where money is real",
        ),
    ] {
        let tried = trial.judged().await;
        assert_eq!(tried.exchanges.len(), 0, "{reason}");
        let failure = tried.failure();
        assert!(failure.reason().contains(reason), "{reason}: {failure:?}");
    }
}
