//! What happens with the commit that stores an event, and what is left to the runner's turn.

use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::room::Room;
use crate::standby::{Begun, Loan};

const RUNS: &str = "SELECT state || ' ' || attempt || ' ' || parked FROM runs";

/// Lends room for so many attempts, as a runner does; returns where it comes back.
fn lend(stage: &Stage, most: usize) -> UnboundedReceiver<Begun> {
    let (lent, back) = unbounded_channel();
    stage.state.standby.lend(Loan::new(Room::new(most, most), None, HOUR, lent));
    back
}

/// Waits until the runner has something to lend, or takes it back.
async fn until_lent(stage: &Stage) {
    let since = Instant::now();
    while stage.state.standby.borrow(NOON).is_none() {
        assert!(since.elapsed() < Duration::from_secs(10), "the runner does not wait");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    tokio::time::sleep(Duration::from_millis(20)).await; // What was borrowed here has gone back.
}

#[test]
fn the_runs_of_an_event_are_made_with_it() {
    on_both(async |stage| {
        stage.store(RECORD).await;
        stage.emit(None).await.expect("emitted");
        assert_eq!(stage.texts(RUNS).await, ["available 0 0"]);
        assert_eq!(stage.texts("SELECT dispatched_at || '' FROM events").await, [NOON.to_string()]);
    });
}

#[test]
fn a_runner_that_waits_begins_them_with_the_same_commit() {
    on_both(async |stage| {
        stage.store(BLOCKING).await;
        let runner = Runner::start(Arc::clone(&stage.state));
        until_lent(stage).await;
        stage.emit(None).await.expect("emitted");
        assert_eq!(stage.texts(RUNS).await, ["running 1 0"], "as soon as the call returns");
        assert_eq!(
            stage.texts("SELECT event_id || '' FROM runs").await,
            stage.texts("SELECT id || '' FROM events").await
        );
        while stage.acts.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        runner.stop().await;
    });
}

#[test]
fn what_must_wait_is_left_to_the_runner() {
    let crowd = "INSERT INTO extensions (id, owner_field, owner_id, position, key, triggers, config, active) SELECT \
        n + 100, owner_field, owner_id, n, key, triggers, config, active FROM extensions CROSS JOIN (WITH RECURSIVE c(n) AS \
        (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 1024) SELECT n FROM c) AS c";
    let open = "INSERT INTO destinations (name, failures, failing_since, opened_at, next_probe_at, probed) \
        VALUES ('test:puppet#7', 5, 0, 0, 9000000000000, 0)";
    for (record, also, runs) in [
        (
            LIMITED,
            Some("INSERT INTO hourly_uses (scope, hour, used) VALUES ('extension 7', 498684, 50)"),
            &["available 0 0"][..],
        ),
        (RECORD, Some(open), &["available 0 1"]),
        (ORDERED, None, &[]),
        (RECORD, Some(crowd), &[]),
    ] {
        on_both(async |stage| {
            stage.store(record).await;
            if let Some(also) = also {
                stage.sql(also).await;
            }
            let _back = lend(stage, 8);
            stage.emit(None).await.expect("emitted");
            assert_eq!(stage.texts(RUNS).await, runs, "{record} {also:?}");
            let dispatched = stage.texts("SELECT 'yes' FROM events WHERE dispatched_at IS NOT NULL").await;
            assert_eq!(dispatched.len(), runs.len().min(1), "{record} {also:?}");
        });
    }
}

#[test]
fn no_more_are_begun_than_there_is_room_for() {
    let two = "INSERT INTO extensions (id, owner_field, owner_id, position, key, triggers, config, active) SELECT \
        8, owner_field, owner_id, 1, key, triggers, config, active FROM extensions";
    on_both(async |stage| {
        stage.store(RECORD).await;
        stage.sql(two).await;
        let mut back = lend(stage, 1);
        stage.emit(None).await.expect("emitted");
        assert_eq!(
            stage.texts("SELECT state || ' ' || attempt || ' ' || parked FROM runs ORDER BY id").await,
            ["running 1 0", "available 0 0"]
        );
        let begun = back.recv().await.expect("it comes back");
        assert_eq!((begun.runs.len(), begun.lease_until), (1, NOON + HOUR));
        assert_eq!(begun.runs[0].event.payload.as_deref(), Some(&json!({"total": 1})));
    });
}

#[test]
fn what_is_not_committed_begins_nothing() {
    let failures: [fn() -> Result<(), Error>; 2] = [|| Err(Error::NotFound), || panic!("half-way")];
    for fail in failures {
        on_both(async |stage| {
            stage.store(RECORD).await;
            let mut back = lend(stage, 8);
            let shared = Arc::clone(&stage.state);
            let store = move |conn: &mut crate::db::Conn| {
                super::super::at_once::store(conn, &shared, &[sale(&shared)], NOON)?;
                fail()
            };
            assert!(stage.state.db.write(store).await.is_err());
            assert!(back.recv().await.expect("it comes back").runs.is_empty());
            assert_eq!(stage.texts(RUNS).await, [""; 0]);
            lend(stage, 8);
            stage.emit(None).await.expect("the next one is none the worse");
        });
    }
}
