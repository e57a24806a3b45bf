//! An event with more records than one transaction looks at: its runs are made in slices, each once and in order, and the
//! events of others go between.

use super::*;
use crate::db::events;
use crate::runner::dispatch::batch;
use crate::runner::dispatch::new_runs::{CANDIDATES, Dispatched, RUNS, store_all};

/// So many records are at the first store; another store has one.
const CROWD: usize = 3000;

const RECORDS: &str = "INSERT INTO extensions (id, owner_field, owner_id, position, key, triggers, config, active) SELECT \
    n + 100, 'store.extensions', 1, n, 'test:puppet', '[\"post_*\"]', '{\"act\": \"bow\"}', TRUE FROM \
    (WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < 3000) SELECT n FROM c) AS c";
const OTHER: &str = "INSERT INTO extensions (id, owner_field, owner_id, position, key, triggers, config, active) VALUES \
    (8, 'store.extensions', 2, 0, 'test:puppet', '[\"post_*\"]', '{\"act\": \"bow\"}', TRUE)";

/// Stores a sale of the store with this row, for the runner to dispatch.
async fn sell(stage: &Stage, owner: i64) {
    let event = [NewEvent { owners: vec![("store.extensions".into(), owner)], ..sale(&stage.state) }];
    stage.state.db.write(move |conn| events::insert(conn, &event)).await.expect("stored");
}

async fn crowd(stage: &Stage) {
    stage.sql("INSERT INTO stores (document_id, created_at, updated_at, slug) VALUES ('s', 0, 0, 'north')").await;
    stage.sql(RECORDS).await;
    stage.sql(OTHER).await;
}

async fn dispatch_once(state: &Arc<AppState>) -> Dispatched {
    let shared = Arc::clone(state);
    let work = move |conn: &mut crate::db::Conn| batch::dispatch(conn, &shared, store_all, NOON);
    state.db.write(work).await.expect("dispatched")
}

async fn count(stage: &Stage, what: &'static str) -> usize {
    stage.texts(what).await[0].parse().expect("a number")
}

const MADE: &str = "SELECT count(*) || '' FROM runs";
const LEFT: &str = "SELECT count(*) || '' FROM events WHERE dispatched_at IS NULL";

#[test]
fn a_crowd_is_dispatched_in_slices_and_nobody_waits_for_it() {
    on_both(async |stage| {
        crowd(stage).await;
        sell(stage, 1).await;
        sell(stage, 1).await;
        sell(stage, 2).await;
        let other = Stage::process(&stage.database, &stage.clock, &stage.acts).await;
        let mut turns = 0;
        let mut before = 0;
        while count(stage, LEFT).await > 0 {
            // Two processes, in turns.
            let state = if turns % 2 == 0 || stage.state.db.kind() == Kind::Sqlite { &stage.state } else { &other };
            let done = dispatch_once(state).await;
            turns += 1;
            let now = count(stage, MADE).await;
            assert!(done.runs == now - before && done.runs <= RUNS + 1, "{done:?}");
            before = now;
            if turns == 2 {
                let of_other = "SELECT count(*) || '' FROM runs WHERE extension_id = 8";
                assert_eq!(count(stage, of_other).await, 1, "the other store's sale goes between");
            }
            assert!(turns < 30, "{done:?}");
        }
        assert!(turns >= 2 * CROWD / CANDIDATES, "{turns}");
        assert_eq!(before, 2 * CROWD + 1);
        let ordered = "SELECT (max(CASE WHEN event_id = 1 THEN id END) < min(CASE WHEN event_id = 2 THEN id END)) || '' FROM runs";
        let ordered = stage.texts(ordered).await;
        assert!(["1", "true"].contains(&&*ordered[0]), "the runs of the second come after those of the first");
        assert_eq!(dispatch_once(&stage.state).await, Dispatched::default());
    });
}

#[test]
fn a_crowd_is_dispatched_whole_by_a_runner_that_begins_in_the_middle() {
    on_both(async |stage| {
        crowd(stage).await;
        sell(stage, 1).await;
        dispatch_once(&stage.state).await;
        dispatch_once(&stage.state).await;
        assert!((1..CROWD).contains(&count(stage, MADE).await));
        let runner = Runner::start(Arc::clone(&stage.state));
        let since = Instant::now();
        while count(stage, LEFT).await > 0 {
            assert!(since.elapsed() < Duration::from_secs(60), "{} of {CROWD}", count(stage, MADE).await);
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        runner.stop().await;
        assert_eq!(count(stage, MADE).await, CROWD, "each once");
    });
}

#[test]
fn events_together_make_no_more_runs_than_one_transaction_should() {
    on_both(async |stage| {
        crowd(stage).await;
        // Few enough for one transaction, and not four times.
        stage.sql("DELETE FROM extensions WHERE id > 1000").await;
        for _ in 0..4 {
            sell(stage, 1).await;
        }
        let (mut made, mut turns) = (0, 0);
        while count(stage, LEFT).await > 0 {
            let done = dispatch_once(&stage.state).await;
            assert!(done.runs < RUNS + 900, "one event more than fits, and no further: {done:?}");
            (made, turns) = (made + done.runs, turns + 1);
            assert!(turns < 10, "{done:?}");
        }
        assert_eq!((made, turns), (4 * 900, 2));
    });
}
