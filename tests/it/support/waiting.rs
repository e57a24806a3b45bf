//! Waiting for a program that is a process of its own.

use std::time::{Duration, Instant};

use tenon::db::{Db, Sql};

/// Waits, for two minutes at most, until every event is dispatched and every run has ended.
pub async fn no_run_is_left(db: &Db) {
    let since = Instant::now();
    let left = || {
        Sql::new(
            "SELECT (SELECT count(*) FROM events WHERE dispatched_at IS NULL) + (SELECT count(*) FROM runs WHERE state IN \
             ('available', 'running', 'retryable'))",
        )
    };
    while db.read(move |conn| conn.first(&left(), |row| row.int(0))).await.expect("a count") != Some(0) {
        assert!(since.elapsed() < Duration::from_secs(120), "runs do not end");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
