//! Several processes on one PostgreSQL.

use super::*;
use crate::queue::wake::Work;

/// Tells a story of two processes on one database.
fn on_two(record: &'static str, story: impl AsyncFn(&Stage, &Arc<AppState>)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let stage = Stage::build(Kind::Postgres).await;
        stage.store(record).await;
        let other = Stage::process(&stage.database, &stage.clock, &stage.acts).await;
        story(&stage, &other).await;
    });
}

/// Waits until the query finds so many rows, and wakes both processes meanwhile.
async fn until(stage: &Stage, other: &AppState, query: &'static str, count: usize) {
    let since = Instant::now();
    while stage.texts(query).await.len() != count {
        assert!(since.elapsed() < PATIENCE, "{query}: {} of {count}", stage.texts(query).await.len());
        stage.state.queue.wake.notify(Work::Runs);
        other.queue.wake.notify(Work::Runs);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

const COMPLETED: &str = "SELECT state FROM runs WHERE state = 'completed'";

#[test]
fn several_processes_share_the_work() {
    on_two(RECORD, async |stage, other| {
        let runners = [Arc::clone(&stage.state), Arc::clone(other)].map(Runner::start);
        futures_util::future::join_all((0..300).map(|_| stage.emit(None))).await;
        until(stage, other, COMPLETED, 300).await;
        futures_util::future::join_all(runners.map(Runner::stop)).await;
        assert_eq!(stage.acts.load(Ordering::SeqCst), 300, "each once");
        assert_eq!(stage.texts("SELECT run_count || '' FROM extensions").await, ["300"]);
    });
}

#[test]
fn several_processes_keep_to_a_limit_together() {
    on_two(LIMITED, async |stage, other| {
        let runners = [Arc::clone(&stage.state), Arc::clone(other)].map(Runner::start);
        futures_util::future::join_all((0..120).map(|_| stage.emit(None))).await;
        for executed in [50, 100, 120] {
            let deferred = "SELECT id || '' FROM runs WHERE reason LIKE 'waits: the limit of this record, 50 an hour%'";
            until(stage, other, COMPLETED, executed).await;
            until(stage, other, deferred, 120 - executed).await;
            assert_eq!(stage.acts.load(Ordering::SeqCst), executed);
            // Into the next hour, and beyond the chance in it.
            stage.clock.advance(HOUR + 30_000);
        }
        futures_util::future::join_all(runners.map(Runner::stop)).await;
        assert_eq!(
            stage.texts("SELECT used || '' FROM hourly_uses WHERE scope = 'extension 7' ORDER BY hour").await,
            ["50", "50", "20"]
        );
    });
}

#[test]
fn one_process_probes_at_a_time() {
    on_two(FAILING, async |stage, other| {
        let runners = [Arc::clone(&stage.state), Arc::clone(other)].map(Runner::start);
        futures_util::future::join_all((0..30).map(|_| stage.emit(None))).await;
        until(stage, other, "SELECT state FROM runs WHERE state <> 'running' AND parked = 1", 30).await;
        let before = stage.acts.load(Ordering::SeqCst);
        for round in 1..=5 {
            stage.clock.advance(500);
            // One more than this is never as many again.
            until(stage, other, "SELECT outcome FROM attempts", before + round).await;
            until(stage, other, "SELECT state FROM runs WHERE state = 'running'", 0).await;
        }
        futures_util::future::join_all(runners.map(Runner::stop)).await;
        assert_eq!(stage.acts.load(Ordering::SeqCst), before + 5);
    });
}

#[test]
fn a_line_keeps_its_order_over_several_processes() {
    on_two(ORDERED, async |stage, other| {
        let runners = [Arc::clone(&stage.state), Arc::clone(other)].map(Runner::start);
        let mut emitted = Vec::new();
        for number in 0..150 {
            let state = if number % 2 == 0 { &stage.state } else { other };
            emitted.push(emit_from(state, "s", "post_sale", None).await.expect("emitted"));
        }
        until(stage, other, COMPLETED, 150).await;
        futures_util::future::join_all(runners.map(Runner::stop)).await;
        assert_eq!(*stage.acts.events.lock().expect("no panic"), emitted);
    });
}

#[test]
fn a_process_without_a_runner_wakes_one_that_has() {
    on_two(RECORD, async |stage, other| {
        let mut sleeper = Stage::process(&stage.database, &stage.clock, &stage.acts).await;
        // By itself it looks for work once a day.
        let config = &mut Arc::get_mut(&mut sleeper).expect("nobody else has it").config;
        config.runner.look_every = Some(Duration::from_secs(86_400));
        let runner = Runner::start(Arc::clone(&sleeper));
        let since = Instant::now();
        while !(sleeper.db.listens() && other.db.listens()) {
            assert!(since.elapsed() < PATIENCE, "they do not listen");
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        for round in 0..7 {
            emit_from(other, "s", "post_sale", None).await.expect("emitted");
            while stage.acts.load(Ordering::SeqCst) == round {
                assert!(since.elapsed() < PATIENCE, "it was not woken");
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        runner.stop().await;
    });
}

#[test]
fn one_process_dispatches_at_a_time() {
    on_two(ORDERED, async |stage, other| {
        stage.emit(None).await.expect("emitted");
        let [mut one, mut two] = [&stage.state, other].map(|state| state.db.connect_reader().expect("a connection"));
        let found = |conn: &mut crate::db::Conn| {
            Ok(crate::db::events::undispatched(conn, 10)?.map(|waiting| waiting.events.len()))
        };
        let while_one_does = one.transaction(|conn| {
            assert_eq!(found(conn)?, Some(1));
            two.transaction(found)
        });
        assert_eq!(while_one_does.expect("read"), None);
        assert_eq!(two.transaction(found).expect("read"), Some(1));
    });
}
