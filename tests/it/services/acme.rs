//! The example of a customer's own handler: an ERP that books sales.

use serde_json::{Value, json};
use tenon::handler::Failure;

use super::trial::Trial;
use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::receiver::{Answer, Receiver};

const LOOKED_FOR: &str = "/api/orders?reference=1001";

fn trial(receiver: &Receiver) -> Trial {
    let config = json!({"warehouse": "NORTH"});
    Trial::of("customer:acme:erp")
        .config(config)
        .credentials(json!({"token": "acme-token-1"}))
        .url(receiver.url("/api/"))
}

fn booking(number: &str) -> Receiver {
    let receiver = Receiver::start();
    receiver.answers(LOOKED_FOR, [Answer::status(200).body("[]")]);
    receiver.answers("/api/orders", [Answer::status(201).body(json!({"number": number}).to_string())]);
    receiver
}

#[tokio::test]
async fn a_sale_is_booked_as_an_order() {
    let receiver = booking("SO-7");
    let done = trial(&receiver).run().await.accepted();
    assert_eq!((done.message.as_str(), Value::Object(done.meta)), ("order SO-7 booked", json!({"order:1001": "SO-7"})));
    let came = receiver.received();
    assert_eq!(
        came.iter().map(|came| format!("{} {}", came.method, came.path)).collect::<Vec<_>>(),
        [format!("GET {LOOKED_FOR}"), "POST /api/orders".into()]
    );
    assert_eq!(came[1].header("authorization"), "Bearer acme-token-1");
    assert_eq!(came[1].header("idempotency-key"), "run_01kah4h3t6x4c8n2w9z5q7r1yn");
    let expected = json!({
        "reference": "1001", "warehouse": "NORTH", "currency": "EUR",
        "customer": {"name": "Ada Lovelace", "email": "ada@example.com"},
        "lines": [{"article": "S-100", "text": "Sencha, 100 g", "quantity": 2, "price": 12.9}],
    });
    assert_eq!(came[1].json(), expected);
    let tested = booking("SO-8");
    trial(&tested).event(|event| event.test = true).run().await.accepted();
    assert_eq!(tested.received()[1].json()["test"], true, "the ERP can tell a test");
}

#[tokio::test]
async fn an_order_that_is_known_is_changed_and_not_booked_again() {
    let known = Receiver::start();
    known.answers("/api/orders/SO-7", [Answer::status(200).body(r#"{"number": "SO-7"}"#)]);
    let tried = trial(&known).meta(json!({"order:1001": "SO-7"})).run().await;
    assert_eq!(
        (tried.requests(), tried.accepted().message),
        (vec!["PUT /api/orders/SO-7".to_owned()], "order SO-7 changed".to_owned())
    );
    let found = Receiver::start();
    found.answers(LOOKED_FOR, [Answer::status(200).body(r#"[{"number": "SO/9"}]"#)]);
    found.answers("/api/orders/SO%2F9", [Answer::status(200).body(r#"{"number": "SO/9"}"#)]);
    let done = trial(&found).run().await.accepted();
    assert_eq!(Value::Object(done.meta), json!({"order:1001": "SO/9"}), "its answer was lost the last time");
}

#[tokio::test]
async fn what_cannot_be_booked_says_what_to_change() {
    let sale = |payload: Value| move |trial: Trial| trial.payload(payload);
    let items =
        |price: Value| json!({"order": {"id": "1001", "currency": "EUR"}, "items": [{"name": "Tea", "price": price}]});
    for (change, part) in [
        (sale(json!({"order": {"id": "1001", "total": 5}})), "payload.order.currency"),
        (sale(json!({"order": {"id": "1001", "currency": "EUR"}})), "nothing to book"),
        (sale(items(json!(null))), "payload.items[0].price"),
        (sale(items(json!("12,50"))), "payload.items[0].price"),
    ] {
        let receiver = booking("SO-7");
        let failure = change(trial(&receiver)).run().await.failure();
        assert!(matches!(&failure, Failure::Discard { reason } if reason.contains(part)), "{part}: {failure:?}");
        assert!(receiver.received().is_empty());
    }
    for (answer, retried, part) in [
        (Answer::status(401), false, "credentials.token"),
        (Answer::status(404), false, "url"),
        (Answer::status(422), false, "config.warehouse"),
        (Answer::status(503), true, "503"),
        (Answer::status(200).body("<html>"), true, "cannot be read"),
    ] {
        let receiver = booking("SO-7");
        receiver.answers("/api/orders", [answer]);
        let failure = trial(&receiver).run().await.failure();
        assert_eq!(
            (matches!(failure, Failure::Retry { .. }), failure.reason().contains(part)),
            (retried, true),
            "{failure:?}"
        );
    }
}

#[tokio::test]
async fn the_test_asks_for_the_warehouse_and_books_nothing() {
    let receiver = Receiver::start();
    receiver.answers("/api/warehouses/NORTH", [200, 401, 404]);
    assert!(trial(&receiver).test().await.accepted().message.contains("NORTH"));
    for part in ["credentials.token", "config.warehouse"] {
        let failure = trial(&receiver).test().await.failure();
        assert!(failure.reason().contains(part), "{failure:?}");
    }
    assert!(receiver.received().iter().all(|came| came.method == "GET"));
}

on_both_databases! {
    async fn a_store_has_its_sales_booked_once(app: &TestApp) {
        app.receiver.answers(LOOKED_FOR, [Answer::status(200).body("[]")]);
        app.receiver.answers("/api/orders", [Answer::status(201).body(r#"{"number": "SO-7"}"#)]);
        app.receiver.answers("/api/orders/SO-7", [Answer::status(200).body(r#"{"number": "SO-7"}"#)]);
        let record = json!({
            "key": "customer:acme:erp", "triggers": ["post_sale", "order_updated"], "config": {"warehouse": "NORTH"},
            "credentials": {"token": "acme-token-1"}, "url": app.receiver.url("/api"),
        });
        let store = app.store(vec![record]).await;
        let payload = json!({"order": {"id": "1001", "total": "48.50", "currency": "EUR"}, "customer": {"email": "ada@example.com"}});
        app.emit(&store, "post_sale", payload.clone()).await;
        app.run_until_idle().await;
        app.emit(&store, "order_updated", payload).await;
        app.run_until_idle().await;
        let methods: Vec<_> = app.receiver.received().into_iter().map(|came| came.method).collect();
        assert_eq!(methods, ["GET", "POST", "PUT"]);
        assert_eq!(app.record(&store, 0).await["meta"], json!({"order:1001": "SO-7"}));
        assert!(!serde_json::to_string(&app.runs().await).expect("JSON").contains("acme-token-1"));
    }
}
