//! The latest runs of a record, as far as statistics need them.

use diesel::prelude::*;

use super::State;
use crate::clock::Millis;
use crate::db::Conn;
use crate::db::schema::{attempts, runs};
use crate::db::typed::{columns, is_one_of};
use crate::error::Result;

/// A run in short.
#[derive(Debug, Clone, Copy, Queryable, Selectable)]
#[diesel(table_name = runs)]
pub struct LatestRun {
    /// Its row.
    #[diesel(column_name = id)]
    pub row: i64,
    /// Where it stands.
    pub state: State,
    /// When it may run.
    pub due_at: Millis,
    /// When it was made.
    pub created_at: Millis,
}

/// An attempt in short.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = attempts)]
pub struct LatestAttempt {
    /// The run's row, and which attempt of it this is.
    #[diesel(select_expression = (attempts::run_id, attempts::number))]
    pub at: (i64, i64),
    /// When it began.
    pub started_at: Millis,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// What it came to, as in [`crate::db::attempts::NewAttempt`].
    pub outcome: String,
}

impl LatestAttempt {
    /// Whether it did what it was for.
    pub fn is_done(&self) -> bool {
        self.outcome == "done"
    }

    /// Whether nobody saw its end.
    pub fn is_lost(&self) -> bool {
        self.outcome == "lost"
    }
}

/// The latest runs of a record, the latest first, at most `limit`.
pub fn find_latest(conn: &mut Conn, extension: i64, limit: i64) -> Result<Vec<LatestRun>> {
    let latest = runs::table.filter(runs::extension_id.eq(extension)).order(runs::id.desc()).limit(limit);
    conn.load(latest.select(columns::<LatestRun>()))
}

/// The attempts of these runs, in no order.
pub fn find_attempts(conn: &mut Conn, runs: Vec<i64>) -> Result<Vec<LatestAttempt>> {
    conn.load(attempts::table.filter(is_one_of(attempts::run_id, runs)).select(columns::<LatestAttempt>()))
}

/// The id of an attempt's run, and its line for people.
pub fn find_told(conn: &mut Conn, (run, number): (i64, i64)) -> Result<Option<(String, Option<String>)>> {
    let attempt = attempts::table.find((run, number)).inner_join(runs::table);
    conn.load_first(attempt.select((runs::uid, attempts::message)))
}
