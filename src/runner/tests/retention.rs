//! What the runner forgets.

use super::*;

#[test]
fn what_is_older_than_the_retention_goes() {
    on_both(async |stage| {
        stage.store(RECORD).await;
        let runner = Runner::start(Arc::clone(&stage.state));
        stage.emit(None).await.expect("emitted");
        stage.until("completed").await;
        runner.stop().await;
        stage.clock.advance(29 * DAY);
        assert_eq!(prune(&stage.state).await.expect("pruned"), 0);
        stage.emit(None).await.expect("emitted");
        stage.clock.advance(40 * DAY);
        assert_eq!(prune(&stage.state).await.expect("pruned"), 1, "the second has not been executed");
        assert!(stage.texts("SELECT outcome FROM attempts").await.is_empty());
        assert_eq!(stage.clock.now(), NOON + 69 * DAY);
    });
}
