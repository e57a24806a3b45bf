//! Which runs go first, and how many at once: nobody who has much to do, and no receiver that hangs, slows another down.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::on_both_databases;
use crate::support::receiver::{Answer, Receiver};
use tenon::queue::wake::Work;

/// A record that posts to another receiver and gives up after a second.
fn record_to(app: &TestApp, url: String) -> Value {
    let mut record = app.webhook("trigger:post_sale");
    record["url"] = json!(url);
    record["config"] = json!({ "policy": { "timeout_s": 1, "max_attempts": 1 } });
    record
}

/// Makes 5,000 runs of the only one there is, which are due before anything else.
const MULTIPLY: &str = "INSERT INTO runs (uid, event_id, extension_id, replay, key, owner_field, owner_id, \
    store_document_id, state, attempt, max_attempts, due_at, created_at, destination) \
    WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 5000) \
    SELECT uid || n, event_id, extension_id, n, key, owner_field, owner_id, store_document_id, 'available', 0, 1, \
    due_at - 5000 + n, created_at, destination FROM runs, n WHERE replay = 0";

/// How long after its sale a store's delivery came.
async fn sell(app: &TestApp, store: &str, path: &str) -> Duration {
    let since = Instant::now();
    app.emit(store, "post_sale", json!({})).await;
    while !app.receiver.received().iter().any(|one| one.path == path) {
        assert!(since.elapsed() < Duration::from_secs(10), "never delivered");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    since.elapsed()
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
        let took = sell(app, &small, "/small").await;
        let left: i64 = app.texts("SELECT count(*) || '' FROM runs WHERE state = 'available'").await[0].parse().expect("a number");
        assert!(took < Duration::from_millis(700) && left > 1000, "{took:?}, and {left} were left");
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
        let took = sell(app, &quick, "/quick").await;
        assert!(took < Duration::from_millis(500), "{took:?}");
        assert_eq!(hanging.received().len(), 4, "half of what there is room for");
        app.run_until_idle().await;
    }

    async fn one_host_gets_so_many_requests_at_once(app: &TestApp) with |config| config.runner.per_host = 3; {
        app.receiver.answers("/hook", [Answer::status(200).after(Duration::from_millis(400))]);
        let store = app.store(vec![app.webhook("trigger:post_sale")]).await;
        for _ in 0..7 {
            app.emit(&store, "post_sale", json!({})).await;
        }
        app.receiver.wait_for(3).await;
        app.until("SELECT 1 FROM runs WHERE state = 'available'").await;
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(app.receiver.received().len(), 3);
        app.run_until_idle().await;
        assert_eq!(app.receiver.received().len(), 7);
    }
}
