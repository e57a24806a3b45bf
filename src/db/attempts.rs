//! Attempts: each try of a run, with what was sent and what came back.

use std::collections::HashMap;

use diesel::prelude::*;

use super::Conn;
use super::bulk::{self, Bulk};
use super::schema::attempts;
use super::typed::{Weight, columns, is_one_of};
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
#[derive(Debug, Clone, Queryable, Selectable)]
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
    let query = attempts::table
        .filter(is_one_of(attempts::run_id, runs))
        .order((attempts::run_id, attempts::number))
        .select((attempts::run_id, columns::<Attempt>()));
    let mut found: HashMap<i64, Vec<Attempt>> = HashMap::new();
    for (run, attempt) in conn.load_weighed::<(i64, Attempt), _>(query)? {
        found.entry(run).or_default().push(attempt);
    }
    Ok(found)
}

impl Weight for Attempt {
    fn weight(&self) -> usize {
        size_of::<Self>() + self.exchanges.len() + self.data.as_ref().map_or(0, String::len)
    }
}
