//! How the databases find runs and events that are rare among many: no list of them reads a table from end to end.

use tenon::db::events::{self, EventFilter};
use tenon::db::runs::{self, RunFilter, State};
use tenon::db::{Conn, Db, Kind, Sql};

use super::execute;
use super::plans::{explain, full_scans};
use super::statements::watch;
use crate::support::database::TestDatabase;
use crate::support::database::catalog;

/// Twenty thousand events of a frequent trigger with a run each, and one of another with a dead run.
const MANY: &str = "
    INSERT INTO events (uid, trigger, occurred_at, target, target_document_id, store_document_id, owners, actor)
    WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000)
    SELECT 'evt_' || (10000000 + i), CASE i WHEN 7 THEN 'trigger:rare' ELSE 'trigger:post_sale' END, i,
        '{\"type\": \"store\", \"documentId\": \"x\"}', 'd' || i, 's' || i, '[]', 'x' FROM n;
    INSERT INTO runs (uid, event_id, extension_id, replay, key, owner_field, owner_id, store_document_id, pattern, state,
        attempt, max_attempts, due_at, created_at)
    SELECT 'run_' || (10000000 + id), id, id, 0, CASE id WHEN 7 THEN 'slack:message' ELSE 'custom:webhook' END,
        'store.extensions', id, 's' || id, 'trigger:*', CASE id WHEN 7 THEN 'dead' ELSE 'completed' END, 1, 8, id, id
    FROM events;
";

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// Filters that find few runs or none.
fn run_filters() -> Vec<RunFilter> {
    let any = RunFilter::default;
    let window = || RunFilter { from: Some(i64::MAX), to: Some(i64::MAX), ..any() };
    vec![
        RunFilter { key: text("slack:message"), ..any() },
        RunFilter { trigger: text("trigger:rare"), ..any() },
        RunFilter { store: text("s7"), ..any() },
        RunFilter { document: text("d7"), ..any() },
        RunFilter { event: text("evt_10000007"), ..any() },
        RunFilter { extension: Some(7), ..any() },
        RunFilter { ids: Some(vec!["run_10000007".to_owned()]), ..any() },
        RunFilter { states: vec![State::Dead, State::Cancelled], ..any() },
        RunFilter { states: vec![State::Dead], key: text("custom:webhook"), ..any() },
        RunFilter { states: vec![State::Available, State::Retryable], ..any() },
        RunFilter { states: vec![State::Running], ..any() },
        window(),
        RunFilter { key: text("custom:webhook"), ..window() },
        RunFilter { trigger: text("trigger:post_sale"), ..window() },
        RunFilter { states: vec![State::Completed], ..window() },
    ]
}

fn event_filters() -> Vec<EventFilter> {
    let any = EventFilter::default;
    let window = || EventFilter { from: Some(i64::MAX), to: Some(i64::MAX), ..any() };
    vec![
        EventFilter { trigger: text("trigger:rare"), ..any() },
        EventFilter { store: text("s7"), ..any() },
        EventFilter { document: text("d7"), ..any() },
        window(),
        EventFilter { trigger: text("trigger:post_sale"), ..window() },
    ]
}

/// Asks for the page and the count of every filter, and calls `check` after each with what it was.
fn ask(conn: &mut Conn, mut check: impl FnMut(&mut Conn, String)) {
    for filter in run_filters() {
        runs::find_page(conn, &filter, 0, 25).expect("a page");
        runs::count(conn, &filter).expect("a count");
        check(conn, format!("{filter:?}"));
    }
    for filter in event_filters() {
        events::find_page(conn, &filter, 0, 25).expect("a page");
        events::count(conn, &filter).expect("a count");
        check(conn, format!("{filter:?}"));
    }
}

#[test]
fn sqlite_finds_what_is_rare_by_an_index() {
    let database = TestDatabase::fresh(Kind::Sqlite);
    let db = Db::open(&database.parsed(), catalog(), 1).expect("the database opens");
    execute(&db, MANY.to_owned());
    let (mut conn, mut other) = (db.connect_reader().expect("a connection"), db.connect_reader().expect("another"));
    let seen = watch(&mut conn);
    ask(&mut conn, |_, filter| {
        for statement in std::mem::take(&mut *seen.lock().expect("no panic")) {
            let steps = explain(&mut other, &statement);
            // The indexes of what waits and of what is under way have nothing else in them.
            let is_narrow = |step: &str| ["runs_waiting", "runs_leased"].iter().any(|index| step.contains(index));
            let is_scan = |step: &str| ["SCAN r", "SCAN e"].iter().any(|scan| step.starts_with(scan));
            let is_wide = |step: &&String| is_scan(step) && !is_narrow(step);
            assert_eq!(steps.iter().find(is_wide), None, "{filter}\n{statement}\n{steps:#?}");
        }
    });
}

#[test]
fn postgres_finds_what_is_rare_by_an_index() {
    let database = TestDatabase::fresh(Kind::Postgres);
    let db = Db::open(&database.parsed(), catalog(), 1).expect("the database opens");
    execute(&db, MANY.to_owned());
    let mut conn = db.connect_reader().expect("a connection");
    conn.execute(&Sql::new("VACUUM ANALYZE")).expect("what autovacuum does in time");
    conn.transaction(|conn| {
        let mut before = full_scans(conn);
        ask(conn, |conn, filter| {
            let after = full_scans(conn);
            assert_eq!(after, before, "{filter}");
            before = after;
        });
        Ok(())
    })
    .expect("a transaction");
}
