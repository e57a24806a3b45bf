//! Attempts: each try of a run, with what was sent and what came back.

use std::collections::HashMap;

use super::bulk::{self, Bulk};
use super::{Conn, Sql};
use crate::clock::Millis;
use crate::error::Result;

/// A try of a run that has ended.
#[derive(Debug, Clone)]
pub struct NewAttempt {
    /// The run's row.
    pub run: i64,
    /// Which attempt, from 1.
    pub number: u32,
    /// When it began.
    pub started_at: Millis,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// What it came to: `done`, `retry`, `discard`, `gone` or `lost`.
    pub outcome: &'static str,
    /// A line for people.
    pub message: String,
    /// What the handler reported; JSON.
    pub data: Option<String>,
    /// The requests and answers; JSON.
    pub exchanges: String,
}

const INSERT: Bulk = Bulk {
    sqlite: &[
        "INSERT INTO attempts (run_id, number, started_at, duration_ms, outcome, message, data, exchanges) VALUES (",
        ", ",
        ", ",
        ", ",
        ", ",
        ", ",
        ", ",
        ", ",
        ")",
    ],
    postgres: [
        "INSERT INTO attempts (run_id, number, started_at, duration_ms, outcome, message, data, exchanges) \
         SELECT * FROM ",
        "",
    ],
};

/// Stores attempts.
pub fn insert(conn: &mut Conn, attempts: impl IntoIterator<Item = NewAttempt>) -> Result<()> {
    let values = |attempt: NewAttempt| {
        vec![
            attempt.run.into(),
            i64::from(attempt.number).into(),
            attempt.started_at.into(),
            attempt.duration_ms.into(),
            attempt.outcome.into(),
            attempt.message.into(),
            attempt.data.into(),
            attempt.exchanges.into(),
        ]
    };
    bulk::run(conn, &INSERT, attempts.into_iter().map(values).collect()).map(drop)
}

/// A stored attempt.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Which attempt, from 1.
    pub number: i64,
    /// When it began.
    pub started_at: Millis,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// What it came to.
    pub outcome: String,
    /// A line for people.
    pub message: Option<String>,
    /// What the handler reported; JSON.
    pub data: Option<String>,
    /// The requests and answers; JSON.
    pub exchanges: String,
}

/// The attempts of these runs, each run's in their order.
pub fn find_by_runs(conn: &mut Conn, runs: Vec<i64>) -> Result<HashMap<i64, Vec<Attempt>>> {
    let mut sql = Sql::new(
        "SELECT run_id, number, started_at, duration_ms, outcome, message, data, exchanges FROM attempts WHERE run_id",
    );
    sql.in_ints(runs).text(" ORDER BY run_id, number");
    let mut found: HashMap<i64, Vec<Attempt>> = HashMap::new();
    conn.query(&sql, |row| {
        let attempt = Attempt {
            number: row.int(1)?,
            started_at: row.int(2)?,
            duration_ms: row.int(3)?,
            outcome: row.text(4)?,
            message: row.find_text(5)?,
            data: row.find_text(6)?,
            exchanges: row.text(7)?,
        };
        found.entry(row.int(0)?).or_default().push(attempt);
        Ok(())
    })?;
    Ok(found)
}
