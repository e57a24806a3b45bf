//! `ordering: "target"`: what happens to one document is told in order, whatever fails in between.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::receiver::{Answer, Gate};

/// A record that keeps the order of its runs for each target.
fn ordered(app: &TestApp, trigger: &str) -> Value {
    let mut record = app.webhook(trigger);
    record["config"] = json!({ "policy": { "ordering": "target" } });
    record
}

/// The numbers of the sales that came, in their order.
fn numbers(app: &TestApp) -> Vec<i64> {
    let number = |body: Value| body["payload"]["number"].as_i64().expect("a number");
    app.receiver.received().iter().map(|one| number(one.json())).collect()
}

on_both_databases! {
    async fn runs_for_one_target_are_in_order_although_some_fail(app: &TestApp) {
        app.receiver.answers("/hook", [200, 503, 500, 200, 200, 404, 503, 200]);
        let store = app.store(vec![ordered(app, "trigger:post_sale")]).await;
        for number in 1..=6 {
            app.emit(&store, "post_sale", json!({ "number": number })).await;
        }
        app.run_until_idle().await;
        assert_eq!(numbers(app), [1, 2, 2, 2, 3, 4, 5, 5, 6]);
        let states = app.texts("SELECT state FROM runs ORDER BY event_id").await;
        assert_eq!(states, ["completed", "completed", "completed", "dead", "completed", "completed"]);
    }

    async fn one_target_does_not_wait_for_another(app: &TestApp) {
        app.receiver.answers("/hook", [503, 200]);
        let store = app.store(vec![ordered(app, "trigger:product_updated")]).await;
        let product = async |name: &str| -> String {
            let made = app.create("products", json!({ "Name": name, "stores": [store] })).await;
            made["documentId"].as_str().expect("an id").to_owned()
        };
        let (tea, coffee) = (product("Tea").await, product("Coffee").await);
        let update = async |product: &str, name: &str| {
            let changed = json!({ "data": { "Name": name } });
            app.put(&format!("/api/products/{product}?status=draft"), changed).await.expect(200);
            app.rest().await;
        };
        app.run_until_idle().await;
        update(&tea, "Tea 1").await;
        update(&tea, "Tea 2").await;
        update(&coffee, "Coffee 1").await;
        let names = || -> Vec<_> {
            app.receiver.received().iter().map(|one| one.json()["changes"]["Name"]["to"].clone()).collect()
        };
        assert_eq!(names(), ["Tea 1", "Coffee 1"]);
        let waits = app.runs().await.into_iter().find(|run| run["attempt"] == 0).expect("one waits");
        assert!(waits["reason"].as_str().is_some_and(|reason| reason.contains("an earlier run of this record")), "{waits}");
        app.run_until_idle().await;
        assert_eq!(names(), ["Tea 1", "Coffee 1", "Tea 1", "Tea 2"]);
    }

    async fn a_line_goes_on_when_its_first_run_is_not_executed(app: &TestApp) {
        let gate = Gate::closed();
        app.receiver.answers("/hook", [Answer::status(410).behind(&gate)]);
        let store = app.store(vec![ordered(app, "trigger:post_sale")]).await;
        for number in 1..=3 {
            app.emit(&store, "post_sale", json!({ "number": number })).await;
        }
        app.until("SELECT count(*) FROM runs HAVING count(*) = 3").await;
        gate.open();
        app.run_until_idle().await;
        assert_eq!(app.texts("SELECT state FROM runs ORDER BY event_id").await, ["dead", "cancelled", "cancelled"]);
    }
}
