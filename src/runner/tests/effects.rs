//! What handlers change in the documents that they ran for.

use super::*;

/// The statement that makes the record listen to the changes of its own store.
const LISTENS_TO_ITSELF: &str = r#"UPDATE extensions SET triggers = '["store_*", "post_sale"]'"#;

#[test]
fn a_record_whose_runs_cause_each_other_is_stopped() {
    on_both(async |stage| {
        stage.store(RENAMING).await;
        stage.sql("UPDATE stores SET title = 'North'").await;
        stage.sql(LISTENS_TO_ITSELF).await;
        let runner = Runner::start(Arc::clone(&stage.state));
        stage.emit(None).await.expect("emitted");
        let since = Instant::now();
        while stage.texts("SELECT state FROM runs WHERE state = 'dead'").await.is_empty() {
            assert!(since.elapsed() < PATIENCE, "it goes on and on");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        runner.stop().await;
        let deepest = usize::try_from(crate::handler::MOST_DEPTH).expect("a small number");
        let depths = stage.texts("SELECT depth || ' ' || actor FROM events ORDER BY id").await;
        assert_eq!(depths.len(), deepest + 2, "{depths:?}");
        assert_eq!([&depths[0], &depths[1]], ["0 public", "1 extension:7"]);
        assert_eq!(stage.texts("SELECT title FROM stores").await, [format!("North{}", "'".repeat(deepest + 1))]);
        let reasons = stage.texts("SELECT reason FROM runs WHERE state = 'dead'").await;
        assert!(reasons.len() == 1 && reasons[0].contains("seem to cause each other: 9 events"), "{reasons:?}");
    });
}

#[test]
fn what_a_handler_cannot_change_is_told() {
    for (record, reason) in [(MISNAMING, "Invalid key titel"), (MISPRICING, "A store has no prices")] {
        on_both(async |stage| {
            stage.store(record).await;
            let runner = Runner::start(Arc::clone(&stage.state));
            stage.emit(None).await.expect("emitted");
            stage.until("dead").await;
            runner.stop().await;
            assert_eq!(
                stage.texts("SELECT reason FROM runs").await,
                [format!("the store could not be changed: {reason}")]
            );
        });
    }
}
