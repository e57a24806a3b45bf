//! Which runs go first, and how many at once: nobody who has much to do, and no receiver that hangs, slows another down.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tenon::queue::wake::Work;

use crate::support::app::TestApp;
use crate::support::receiver::{Answer, Gate, Receiver};
use crate::support::{PATIENCE, on_both_databases};

/// A record that posts to another receiver, once, and does not give up while a test waits.
fn record_to(app: &TestApp, url: String) -> Value {
    let mut record = app.webhook("trigger:post_sale");
    record["url"] = json!(url);
    record["config"] = json!({ "policy": { "timeout_s": 900, "max_attempts": 1 } });
    record
}

/// Makes 5,000 runs of the only one there is, which are due before anything else.
const MULTIPLY: &str = "INSERT INTO runs (uid, event_id, extension_id, replay, key, owner_field, owner_id, \
    store_document_id, state, attempt, max_attempts, due_at, created_at, destination) \
    WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 5000) \
    SELECT uid || n, event_id, extension_id, n, key, owner_field, owner_id, store_document_id, 'available', 0, 1, \
    due_at - 5000 + n, created_at, destination FROM runs, n WHERE replay = 0";

/// How many deliveries came between a store's sale and its own, which comes on `path`.
async fn sell(app: &TestApp, store: &str, path: &str) -> usize {
    let (since, before) = (Instant::now(), app.receiver.paths().len());
    app.emit(store, "post_sale", json!({})).await;
    loop {
        if let Some(place) = app.receiver.paths().iter().position(|came| came == path) {
            return place.saturating_sub(before);
        }
        assert!(since.elapsed() < PATIENCE, "never delivered");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

on_both_databases! {
    async fn a_store_with_thousands_of_runs_slows_no_other_down(app: &TestApp) {
        app.receiver.answers("/large", [Answer::status(200).after(Duration::from_millis(50))]);
        let large = app.store_named("large", vec![app.webhook_to("/large", "trigger:post_sale")]).await;
        let small = app.store_named("small", vec![app.webhook_to("/small", "trigger:post_sale")]).await;
        app.run_until_idle().await;
        app.emit(&large, "post_sale", json!({})).await;
        app.run_until_idle().await;
        app.sql(MULTIPLY).await;
        app.state.queue.wake.notify(Work::Runs);
        app.until("SELECT 1 FROM runs WHERE state = 'completed' AND replay > 0").await;
        // By age, all five thousand would go before it.
        let between = sell(app, &small, "/small").await;
        assert!(between < 2500, "{between} of the large store's went before");
        app.sql("UPDATE runs SET state = 'cancelled' WHERE state = 'available'").await;
    }

    async fn a_receiver_that_hangs_slows_no_other_down(app: &TestApp)
    with |config| config.runner.concurrency = 8; {
        let hanging = Receiver::start();
        hanging.answers("/", [Answer::hang()]);
        let slow = app.store_named("slow", vec![record_to(app, hanging.url("/"))]).await;
        let quick = app.store_named("quick", vec![app.webhook_to("/quick", "trigger:post_sale")]).await;
        for _ in 0..20 {
            app.emit(&slow, "post_sale", json!({})).await;
        }
        hanging.wait_for(4).await;
        sell(app, &quick, "/quick").await;
        assert_eq!(hanging.received().len(), 4, "half of what there is room for");
        drop(hanging);
        app.run_until_idle().await;
    }

    async fn one_host_gets_so_many_requests_at_once(app: &TestApp) with |config| config.runner.per_host = 3; {
        let (busy, gate) = (Receiver::start(), Gate::closed());
        busy.answers("/", [Answer::status(200).behind(&gate)]);
        let store = app.store_named("busy", vec![record_to(app, busy.url("/"))]).await;
        let other = app.store_named("other", vec![app.webhook_to("/other", "trigger:post_sale")]).await;
        for _ in 0..7 {
            app.emit(&store, "post_sale", json!({})).await;
        }
        busy.wait_for(3).await;
        // What goes to another host shows that the runner has looked for more since.
        for _ in 0..3 {
            app.receiver.forget();
            sell(app, &other, "/other").await;
        }
        assert_eq!(busy.received().len(), 3);
        gate.open();
        app.run_until_idle().await;
        assert_eq!(busy.received().len(), 7);
    }
}
