//! Inbound webhooks: what a service sends, signed, is stored and becomes events, once.

mod batches;
mod lossy;
mod refused;
mod services;
mod vectors;

use reqwest::Method;
use serde_json::{Value, json};
use tenon::clock::{DAY, MINUTE, Millis, SECOND};
use tenon::handler::signature::hex_hmac;

use crate::support::api::{Answered, send};
use crate::support::app::TestApp;
use crate::support::on_both_databases;

const SECRET: &str = "whsec_of_the_tests";

/// A record that takes what Stripe sends.
fn stripe() -> Value {
    json!({"key": "markket:stripe:webhook", "triggers": [], "credentials": {"webhook_secret": SECRET}})
}

/// What Stripe tells of, with this id and type.
fn stripe_event(id: &str, kind: &str) -> String {
    let object = json!({"id": "in_1", "object": "invoice", "amount_paid": 1250, "currency": "eur"});
    json!({"id": id, "object": "event", "type": kind, "livemode": false, "data": {"object": object}}).to_string()
}

/// `Stripe-Signature` for `body`, signed at `at`.
fn signed(secret: &str, body: &str, at: Millis) -> String {
    let at = at / SECOND;
    format!("t={at},v1={}", hex_hmac("sha256", secret, format!("{at}.{body}").as_bytes()).expect("known"))
}

/// Sends `body` to `path` as Stripe does, with this signature.
async fn post(app: &TestApp, path: &str, body: &str, signature: &str) -> Answered {
    let request = app.with_token(None).request(Method::POST, path).header("stripe-signature", signature);
    send(request.header("content-type", "application/json").body(body.to_owned())).await
}

/// Sends `body` to `path`, signed now.
async fn deliver(app: &TestApp, path: &str, body: &str) -> Answered {
    post(app, path, body, &signed(SECRET, body, now(app))).await
}

fn now(app: &TestApp) -> Millis {
    use tenon::clock::Clock as _;
    app.clock.now()
}

/// The path of the address that the record with this id has.
async fn address(app: &TestApp, record: &Value) -> String {
    let found = app.get(&format!("/tenon/extensions/{record}/inbound")).await;
    found.expect(200)["data"]["path"].as_str().expect("a path").to_owned()
}

/// A store with a record that takes what Stripe sends, in front of `others`: its documentId, the record's id and its address.
async fn store_with_stripe(app: &TestApp, others: Vec<Value>) -> (String, Value, String) {
    let store = app.store([vec![stripe()], others].concat()).await;
    let record = app.record(&store, 0).await["id"].clone();
    let address = address(app, &record).await;
    (store, record, address)
}

/// How many rows `query` finds.
async fn count(app: &TestApp, query: &'static str) -> usize {
    app.texts(query).await.len()
}

const DELIVERIES: &str = "SELECT body FROM inbound_deliveries";
const EVENTS: &str = "SELECT trigger FROM events WHERE trigger LIKE 'trigger:stripe%' ORDER BY id";

on_both_databases! {
    async fn a_paid_invoice_reaches_who_listens_to_it(app: &TestApp) {
        let (store, record, address) = store_with_stripe(app, vec![app.webhook("trigger:stripe_*")]).await;
        let body = stripe_event("evt_1", "invoice.paid");
        let taken = deliver(app, &address, &body).await;
        assert_eq!(taken.expect(200)["data"], json!({"received": 1, "new": 1, "events": 1}));
        app.run_until_idle().await;

        let delivery = app.receiver.only();
        let told = delivery.json();
        assert_eq!(told["trigger"], "trigger:stripe_invoice_paid");
        assert_eq!(told["payload"].to_string(), body, "as Stripe sent it");
        assert_eq!((&told["target"], &told["actor"]), (
            &json!({"type": "store", "documentId": store}),
            &json!(format!("extension:{record}")),
        ));
        assert_eq!((&told["store"]["slug"], &told["data"]["title"]), (&json!("the-store"), &json!("The store")));
        assert_eq!(told["data"].get("extensions"), None);

        let kept = app.get(&format!("/tenon/extensions/{record}/inbound/deliveries")).await;
        let kept = &kept.expect(200)["data"][0];
        assert_eq!((&kept["body"], &kept["encoding"]), (&json!(body), &json!("utf-8")));
        let notice = json!([{"id": "evt_1", "kind": "invoice.paid", "eventId": delivery.header("webhook-id")}]);
        assert_eq!(kept["notices"], notice);
        assert!(kept["headers"]["stripe-signature"].is_string(), "{kept}");
    }

    async fn what_is_sent_again_makes_nothing_new(app: &TestApp) {
        let (_, record, address) = store_with_stripe(app, vec![app.webhook("trigger:stripe_invoice_paid")]).await;
        let body = stripe_event("evt_1", "invoice.paid");
        deliver(app, &address, &body).await.expect(200);
        // A replay to the byte, then one that Stripe signs anew later, then one whose body has become another.
        deliver(app, &address, &body).await.expect(200);
        app.advance(60 * MINUTE);
        let again = deliver(app, &address, &body).await;
        assert_eq!(again.expect(200)["data"], json!({"received": 1, "new": 0, "events": 0}));
        deliver(app, &address, &body.replace("1250", "1251")).await.expect(200);
        app.run_until_idle().await;
        app.receiver.only();
        assert_eq!((count(app, EVENTS).await, count(app, DELIVERIES).await), (1, 1));
        let kept = app.get(&format!("/tenon/extensions/{record}/inbound/deliveries")).await;
        assert_eq!(kept.expect(200)["meta"]["pagination"]["total"], 1);
    }

    async fn the_same_sent_many_times_at_once_makes_one_event(app: &TestApp) {
        let (_, _, address) = store_with_stripe(app, vec![app.webhook("trigger:stripe_*")]).await;
        let body = stripe_event("evt_1", "invoice.paid");
        let answers = futures_util::future::join_all((0..16).map(|_| deliver(app, &address, &body))).await;
        let new: u64 = answers.iter().map(|answer| answer.expect(200)["data"]["new"].as_u64().expect("a number")).sum();
        assert_eq!(new, 1);
        app.run_until_idle().await;
        app.receiver.only();
        assert_eq!((count(app, EVENTS).await, count(app, DELIVERIES).await), (1, 1));
    }

    async fn each_record_is_told_by_itself(app: &TestApp) {
        let store = app.store(vec![stripe(), stripe()]).await;
        for place in 0..2 {
            let address = address(app, &app.record(&store, place).await["id"]).await;
            let taken = deliver(app, &address, &stripe_event("evt_1", "invoice.paid")).await;
            assert_eq!(taken.expect(200)["data"]["new"], 1, "the same id, of another endpoint");
        }
        assert_eq!(count(app, EVENTS).await, 2);
    }

    async fn what_is_signed_but_not_understood_is_kept(app: &TestApp) {
        let (_, record, address) = store_with_stripe(app, vec![app.webhook("trigger:stripe_*")]).await;
        for body in ["", "not json", "{}", "[1]", "\u{0}", &"[".repeat(5000)] {
            let taken = deliver(app, &address, body).await;
            assert_eq!(taken.expect(200)["data"], json!({"received": 1, "new": 1, "events": 0}), "{body:.20}");
        }
        let kept = app.get(&format!("/tenon/extensions/{record}/inbound/deliveries?pagination[pageSize]=2")).await;
        assert_eq!((&kept.expect(200)["data"][1]["encoding"], &kept.json["data"][1]["body"]), (&json!("base64"), &json!("AA==")));
        assert_eq!(kept.json["meta"]["pagination"]["total"], 6);
        // A type without a name of its own is a trigger all the same.
        deliver(app, &address, &stripe_event("evt_2", "charge.dispute.created")).await.expect(200);
        app.run_until_idle().await;
        assert_eq!(app.receiver.only().json()["trigger"], "trigger:stripe_charge_dispute_created");
    }

    async fn a_prices_record_tells_the_price_its_product_and_its_store(app: &TestApp) {
        let store = app.store(vec![app.webhook_to("/store", "trigger:stripe_*")]).await;
        let extensions = vec![stripe(), app.webhook_to("/price", "trigger:stripe_*")];
        let product = app.create("products", json!({
            "Name": "Tea", "stores": [store], "extensions": [app.webhook_to("/product", "trigger:stripe_*")],
            "PRICES": [{"Name": "100 g", "Price": 12.5, "extensions": extensions}],
        })).await;
        let document = product["documentId"].as_str().expect("an id");
        let shown = app.get(&format!("/api/products/{document}?populate[PRICES][populate]=extensions")).await;
        let price = &shown.expect(200)["data"]["PRICES"][0];
        let address = address(app, &price["extensions"][0]["id"]).await;
        deliver(app, &address, &stripe_event("evt_1", "invoice.paid")).await.expect(200);
        app.run_until_idle().await;
        let mut received = app.receiver.received();
        received.sort_by(|one, other| one.path.cmp(&other.path));
        assert_eq!(received.iter().map(|one| one.path.as_str()).collect::<Vec<_>>(), ["/price", "/product", "/store"]);
        let told = received[0].json();
        assert_eq!(told["target"], json!({"type": "price", "documentId": document, "priceId": price["id"]}));
        assert_eq!((&told["data"]["price"]["Name"], &told["data"]["product"]["Name"]), (&json!("100 g"), &json!("Tea")));
        assert_eq!(told["store"]["slug"], "the-store");
    }

    async fn a_delivery_whose_event_cannot_be_stored_is_to_be_sent_again(app: &TestApp) {
        let (_, _, address) = store_with_stripe(app, vec![app.webhook("trigger:stripe_*")]).await;
        deliver(app, &address, &stripe_event("evt_1", "invoice.paid")).await.expect(200);
        app.sql("CREATE UNIQUE INDEX no_second_one ON events (trigger)").await;
        let second = stripe_event("evt_2", "invoice.paid");
        let failed = deliver(app, &address, &second).await;
        assert!(failed.status >= 400, "{}", failed.text);
        assert_eq!(count(app, DELIVERIES).await, 1, "neither the event nor the delivery");
        app.sql("DROP INDEX no_second_one").await;
        assert_eq!(deliver(app, &address, &second).await.expect(200)["data"]["events"], 1);
        app.run_until_idle().await;
        assert_eq!(app.receiver.received().len(), 2);
    }

    async fn what_was_sent_goes_with_its_time(app: &TestApp) {
        let (store, _, address) = store_with_stripe(app, Vec::new()).await;
        deliver(app, &address, &stripe_event("evt_1", "invoice.paid")).await.expect(200);
        app.run_until_idle().await;
        let rows = "SELECT notice FROM inbound_notices UNION ALL SELECT body FROM inbound_deliveries \
            UNION ALL SELECT token FROM inbound_addresses";
        for (later, left) in [(29 * DAY, 3), (2 * DAY, 1)] {
            app.advance(later);
            tenon::runner::prune(&app.state).await.expect("it can be pruned");
            assert_eq!(count(app, rows).await, left);
        }
        app.delete(&format!("/api/stores/{store}")).await.expect(204);
        app.run_until_idle().await;
        app.advance(2 * 60 * MINUTE);
        for _ in 0..2 {
            tenon::runner::prune(&app.state).await.expect("it can be pruned");
        }
        assert_eq!(count(app, rows).await, 0, "the address goes with its record");
    }

    async fn a_new_address_ends_the_old_one(app: &TestApp) {
        let (_, record, old) = store_with_stripe(app, Vec::new()).await;
        assert_eq!(address(app, &record).await, old, "it can be shown again");
        let made = app.post(&format!("/tenon/extensions/{record}/inbound/rotate"), json!({})).await;
        let new = made.expect(200)["data"]["path"].as_str().expect("a path").to_owned();
        assert!(made.json["data"]["url"].as_str().is_some_and(|url| url.starts_with("http://127.0.0.1:") && url.ends_with(&new)));
        assert_ne!(new, old);
        let body = stripe_event("evt_1", "invoice.paid");
        deliver(app, &old, &body).await.expect(404);
        deliver(app, &new, &body).await.expect(200);
        let stored = app.texts("SELECT token FROM inbound_addresses").await;
        assert!(stored.iter().all(|token| !new.contains(token.as_str()) && token.starts_with("v1:")), "sealed: {stored:?}");
    }

    async fn the_directory_tells_which_handlers_take_something(app: &TestApp) {
        for (key, inbound) in [("markket:stripe:webhook", true), ("custom:inbound", true), ("custom:webhook", false)] {
            let found = app.get(&format!("/tenon/handlers/{key}")).await;
            assert_eq!(found.expect(200)["data"]["inbound"], inbound, "{key}");
        }
    }
}
