//! The latest runs of a record, as far as statistics need them.

use super::State;
use crate::clock::Millis;
use crate::db::{Conn, Sql};
use crate::error::{Error, Result};

/// A run in short.
#[derive(Debug, Clone, Copy)]
pub struct LatestRun {
    /// Its row.
    pub row: i64,
    /// Where it stands.
    pub state: State,
    /// When it may run.
    pub due_at: Millis,
    /// When it was made.
    pub created_at: Millis,
}

/// An attempt in short.
#[derive(Debug, Clone, Copy)]
pub struct LatestAttempt {
    /// The run's row, and which attempt of it this is.
    pub at: (i64, i64),
    /// When it began.
    pub started_at: Millis,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// Whether it did what it was for.
    pub is_done: bool,
    /// Whether its end was seen.
    pub is_lost: bool,
}

/// The latest runs of a record, the latest first, at most `limit`.
pub fn find_latest(conn: &mut Conn, extension: i64, limit: i64) -> Result<Vec<LatestRun>> {
    let mut sql = Sql::new("SELECT id, state, due_at, created_at FROM runs WHERE extension_id = ");
    sql.int(extension).text(" ORDER BY id DESC LIMIT ").int(limit);
    conn.list(&sql, |row| {
        let state = row.text(1)?;
        let state = State::parse(&state).ok_or_else(|| Error::internal(format!("a run in the state {state}")))?;
        Ok(LatestRun { row: row.int(0)?, state, due_at: row.int(2)?, created_at: row.int(3)? })
    })
}

/// The attempts of these runs, in no order.
pub fn find_attempts(conn: &mut Conn, runs: Vec<i64>) -> Result<Vec<LatestAttempt>> {
    let mut sql = Sql::new("SELECT run_id, number, started_at, duration_ms, outcome FROM attempts WHERE run_id");
    sql.in_ints(runs);
    conn.list(&sql, |row| {
        let outcome = row.text(4)?;
        Ok(LatestAttempt {
            at: (row.int(0)?, row.int(1)?),
            started_at: row.int(2)?,
            duration_ms: row.int(3)?,
            is_done: outcome == "done",
            is_lost: outcome == "lost",
        })
    })
}

/// The id of an attempt's run, and its line for people.
pub fn find_told(conn: &mut Conn, (run, number): (i64, i64)) -> Result<Option<(String, Option<String>)>> {
    let mut sql = Sql::new("SELECT r.uid, a.message FROM attempts a JOIN runs r ON r.id = a.run_id WHERE a.run_id = ");
    sql.int(run).text(" AND a.number = ").int(number);
    conn.first(&sql, |row| Ok((row.text(0)?, row.find_text(1)?)))
}
