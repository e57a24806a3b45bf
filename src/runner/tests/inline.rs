//! What happens with the commit that stores an event, and what is left to the runner's turn.

use futures_util::FutureExt as _;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::queue::handoff::{Handoff, HandoffResult};
use crate::queue::permits::Permits;
use crate::queue::wake::Work;

const RUNS: &str = "SELECT state || ' ' || attempt || ' ' || parked FROM runs";

/// Lends room for so many attempts, as a runner does; returns where it comes back.
fn lend(stage: &Stage, most: usize) -> UnboundedReceiver<HandoffResult> {
    let (lent, back) = unbounded_channel();
    stage.state.queue.handoff.offer(Handoff::new(Permits::new(most, most), None, HOUR, lent));
    back
}

/// Waits until `what` is so.
async fn until(mut what: impl AsyncFnMut() -> bool) {
    let since = Instant::now();
    while !what().await {
        assert!(since.elapsed() < PATIENCE, "it does not come to that");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Whether the runner was woken for runs since this was asked last.
fn was_woken(stage: &Stage) -> bool {
    stage.state.queue.wake.notified(Work::Runs).now_or_never().is_some()
}

#[test]
fn the_runs_of_an_event_are_made_with_it() {
    on_both(async |stage| {
        stage.store(RECORD).await;
        stage.emit(None).await.expect("emitted");
        assert_eq!(stage.texts(RUNS).await, ["available 0 0"]);
        assert_eq!(stage.texts("SELECT dispatched_at || '' FROM events").await, [NOON.to_string()]);
        assert!(was_woken(stage), "a runner that is at something else takes them next");
    });
}

#[test]
fn a_runner_that_waits_begins_them_with_the_same_commit() {
    on_both(async |stage| {
        stage.store(BLOCKING).await;
        let runner = Runner::start(Arc::clone(&stage.state));
        // Not every call comes while it waits.
        until(async || {
            stage.sql("DELETE FROM runs").await;
            stage.emit(None).await.expect("emitted");
            stage.texts(RUNS).await == ["running 1 0"] // As soon as the call returns.
        })
        .await;
        let latest = stage.texts("SELECT max(id) || '' FROM events").await;
        assert_eq!(stage.texts("SELECT event_id || '' FROM runs").await, latest);
        until(async || stage.acts.load(Ordering::SeqCst) > 0).await;
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
            assert_eq!(was_woken(stage), !runs.is_empty(), "{record} {also:?}");
            let limited = stage.texts("SELECT used || '' FROM hourly_uses WHERE scope = 'extension 7'").await;
            let deferred = stage.texts("SELECT reason FROM runs WHERE due_at >= 1795266000000").await;
            assert_eq!(deferred.len(), limited.len(), "{record} {also:?}");
            assert!(limited.iter().all(|used| used == "50"), "what is put back does not count: {limited:?}");
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
        assert!(was_woken(stage), "for the other");
    });
}

#[test]
fn what_is_not_committed_begins_nothing() {
    type Fail = fn(&mut crate::db::Conn) -> Result<(), Error>;
    let by_the_commit: Fail = |conn| {
        // What is found to be wrong only when it is committed.
        let statements: &[&str] = match conn.kind() {
            Kind::Sqlite => &["PRAGMA defer_foreign_keys = ON", "UPDATE runs SET event_id = 77777"],
            Kind::Postgres => &[
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END'",
                "CREATE CONSTRAINT TRIGGER refuse AFTER UPDATE ON runs INITIALLY DEFERRED FOR EACH ROW \
                 EXECUTE FUNCTION refuse()",
                "UPDATE runs SET attempt = 7",
            ],
        };
        statements.iter().try_for_each(|statement| conn.execute(&Sql::new(statement)).map(drop))
    };
    let failures: [Fail; 3] = [|_| Err(Error::NotFound), |_| panic!("half-way"), by_the_commit];
    for fail in failures {
        on_both(async |stage| {
            stage.store(RECORD).await;
            let mut back = lend(stage, 8);
            let shared = Arc::clone(&stage.state);
            let store = move |conn: &mut crate::db::Conn| {
                crate::runner::dispatch::inline::store(conn, &shared, &[sale(&shared)], NOON)?;
                fail(conn)
            };
            assert!(stage.state.db.write(store).await.is_err());
            let returned = tokio::time::timeout(Duration::from_secs(5), back.recv()).await.expect("it comes back");
            assert!(returned.expect("a loan").runs.is_empty());
            assert_eq!(stage.texts(RUNS).await, [""; 0]);
            lend(stage, 8);
            stage.emit(None).await.expect("the next one is none the worse");
        });
    }
}

#[test]
fn an_event_is_stored_even_if_its_runs_cannot_be_made() {
    on_both(async |stage| {
        stage.store(RECORD).await;
        stage.sql("ALTER TABLE destinations RENAME TO elsewhere").await;
        let stored = futures_util::future::join_all((0..20).map(|_| stage.emit(None))).await;
        assert!(stored.iter().all(Result::is_ok), "{stored:?}");
        assert_eq!(stage.texts("SELECT uid FROM events WHERE dispatched_at IS NULL").await.len(), 20);
        stage.sql("ALTER TABLE elsewhere RENAME TO destinations").await;
        let runner = Runner::start(Arc::clone(&stage.state));
        until(async || stage.texts("SELECT uid FROM runs WHERE state = 'completed'").await.len() == 20).await;
        runner.stop().await;
    });
}

#[test]
fn a_runner_whose_loan_does_not_come_back_goes_on_with_what_it_has() {
    on_both(async |stage| {
        stage.store(BLOCKING).await;
        let runner = Runner::start(Arc::clone(&stage.state));
        until(async || {
            stage.emit(None).await.expect("emitted");
            stage.acts.load(Ordering::SeqCst) > 0
        })
        .await;
        let mut handoff = None;
        until(async || {
            let Some(lent) = stage.state.queue.handoff.take(NOON, |_| true) else { return false };
            handoff.replace(lent);
            true
        })
        .await;
        let dead = async || stage.texts("SELECT uid FROM runs WHERE state = 'dead'").await.len();
        until(async || dead().await > 0).await;
        let before = stage.acts.load(Ordering::SeqCst);
        stage.emit(None).await.expect("emitted");
        drop(handoff);
        until(async || stage.acts.load(Ordering::SeqCst) > before).await;
        runner.stop().await;
    });
}
