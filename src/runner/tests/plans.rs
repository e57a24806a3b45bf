//! What a turn reads does not depend on how much there ever was, whatever PostgreSQL's statistics say.

use std::collections::BTreeMap;

use super::*;
use crate::db::Conn;
use crate::queue::handoff::Handoff;
use crate::queue::permits::Permits;
use crate::runner::cycle::tick::{TickRequest, TickResult, tick};

/// Events of the past, each with a run that has ended.
const PAST: &str = "WITH e AS (INSERT INTO events (uid, trigger, occurred_at, target, target_document_id, owners, actor, \
    dispatched_at) SELECT 'past' || n, 'trigger:post_sale', 0, '{\"type\":\"store\",\"documentId\":\"s\"}', 's', '[]', 'public', 1 \
    FROM generate_series(1, 6000) n RETURNING id) INSERT INTO runs (uid, event_id, extension_id, replay, key, \
    owner_field, owner_id, store_document_id, state, attempt, max_attempts, due_at, created_at, destination) \
    SELECT 'past' || id, id, 7, 0, 'test:puppet', 'store.extensions', 1, 's', 'completed', 1, 8, 0, 0, 'd' || id % 50 FROM e";
/// The same, as if none of it had been done yet.
const UNDONE: &str = "WITH e AS (UPDATE events SET dispatched_at = NULL) UPDATE runs SET state = 'available'";
const DONE: &str =
    "WITH e AS (UPDATE events SET dispatched_at = 1 WHERE dispatched_at IS NULL) UPDATE runs SET state = 'completed'";

/// The latest event, as one whose runs could not be made with it.
const LATEST_UNDONE: &str = "WITH e AS (UPDATE events SET dispatched_at = NULL WHERE id = (SELECT max(id) FROM events) \
    RETURNING id) DELETE FROM runs WHERE event_id IN (SELECT id FROM e)";

/// How many rows of each table this transaction has read so far.
fn rows_read(conn: &mut Conn) -> BTreeMap<String, i64> {
    let sql = "SELECT relname::text, (seq_tup_read + coalesce(idx_tup_fetch, 0))::bigint FROM pg_stat_xact_user_tables";
    conn.list(&Sql::new(sql), |row| Ok((row.text(0)?, row.int(1)?))).expect("counters").into_iter().collect()
}

/// Does `work` in a transaction; also the table of which it read most rows, and how many.
fn counted<T>(conn: &mut Conn, work: impl FnOnce(&mut Conn) -> Result<T, Error>) -> (T, (String, i64)) {
    let done = conn.transaction(|conn| {
        let before = rows_read(conn);
        let done = work(conn)?;
        let read = rows_read(conn).into_iter().map(|(table, rows)| {
            let rows = rows - before.get(&table).copied().unwrap_or(0);
            (table, rows)
        });
        Ok((done, read.max_by_key(|(_, rows)| *rows).expect("tables")))
    });
    done.expect("it works")
}

/// Stores a sale as callers' events are stored, and begins its run if there is room.
fn store(conn: &mut Conn, state: &Arc<AppState>, permits: usize) -> (String, i64) {
    state.queue.handoff.offer(Handoff::new(
        Permits::new(permits, 8),
        None,
        30_000,
        tokio::sync::mpsc::unbounded_channel().0,
    ));
    counted(conn, |conn| crate::runner::dispatch::inline::store(conn, state, &[sale(state)], NOON)).1
}

/// Turns as the loop does for one sale, and returns the most rows that either of the two turns read of a table.
fn ticks(conn: &mut Conn, state: &Arc<AppState>, round: Option<claim::Round>) -> (String, i64) {
    let mut take =
        |asked: &TickRequest| -> (TickResult, (String, i64)) { counted(conn, |conn| tick(conn, state, asked, NOON)) };
    let all = TickRequest {
        dispatch: true,
        claim: true,
        probes: true,
        permits: Permits::new(8, 8),
        round,
        ..TickRequest::default()
    };
    let (done, first) = take(&all);
    let taken = done.claim.expect("it was looked for runs").taken;
    assert!(!taken.is_empty(), "at least the sale's run");
    let run = futures_util::future::join_all(taken.into_iter().map(|taken| worker::execute(state, taken)));
    let finished = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(run));
    let rescue = Some(std::collections::HashSet::new());
    let record = TickRequest { finished: Arc::new(finished), any_failing: true, rescue, ..TickRequest::default() };
    let (_, second) = take(&record);
    [first, second].into_iter().max_by_key(|(_, rows)| *rows).expect("two")
}

#[test]
fn a_turn_reads_what_it_does_and_no_more() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime").block_on(async {
        // When the statistics are taken, beginning with never.
        for (transitions, most) in [
            (&[PAST][..], 100),
            (&["VACUUM ANALYZE", PAST], 100),
            (&[PAST, "VACUUM ANALYZE"], 100),
            (&[PAST, UNDONE, "ANALYZE", DONE], 100),
            (&[PAST, "VACUUM ANALYZE", UNDONE, DONE], 100),
            // A burst: there is a batch of events to be dispatched, and more runs than there is room for.
            (&[PAST, "VACUUM ANALYZE", UNDONE], 2000),
            (&[PAST, UNDONE, "VACUUM ANALYZE"], 2000),
        ] {
            let stage = Stage::build(Kind::Postgres).await;
            stage.store(RECORD).await;
            let mut conn = stage.state.db.connect_reader().expect("a connection");
            let sell = |conn: &mut Conn, round: Option<claim::Round>| {
                let begun = store(conn, &stage.state, 8);
                let stored = store(conn, &stage.state, 0);
                conn.execute(&Sql::new(LATEST_UNDONE)).expect("undone");
                [begun, stored, ticks(conn, &stage.state, round)]
                    .into_iter()
                    .max_by_key(|(_, rows)| *rows)
                    .expect("three")
            };
            // Of the sixth execution on, one plan may serve whatever is bound: it is made while there is nothing.
            for _ in 0..8 {
                sell(&mut conn, None);
                sell(&mut conn, Some(claim::Round::default()));
            }
            for transition in transitions {
                conn.execute(&Sql::new(transition)).unwrap_or_else(|error| panic!("{transition}: {error}"));
            }
            for time in 0..8 {
                for round in [None, Some(claim::Round::default())] {
                    let (table, rows) = sell(&mut conn, round.clone());
                    assert!(rows < most, "{rows} rows of {table} in turn {time} of {round:?} after {transitions:?}");
                }
            }
        }
    });
}
