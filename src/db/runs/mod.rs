//! Runs: one extension record to be executed for one event. Who may change a running one is told by its attempt number.

mod find;
mod latest;

use crate::clock::Millis;
use crate::db::bulk::{self, Bulk};
use crate::db::events::{self, ENVELOPE, Owner};
use crate::db::{Conn, Sql};
use crate::error::{Error, Result};
use crate::handler::Event;

pub use find::{FoundRun, RunFilter, count, find, find_page};
pub use latest::{LatestAttempt, LatestRun, find_attempts, find_latest, find_told};

/// Where a run stands. The moves between states are written in `runner::retry`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Waits for a worker.
    Available,
    /// A worker has it.
    Running,
    /// Done.
    Completed,
    /// Failed, and will be tried again.
    Retryable,
    /// Not tried again by itself.
    Dead,
    /// Ended before it was done, because its record is gone or switched off, or because someone asked.
    Cancelled,
    /// Not executed because of a limit.
    Skipped,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 7] =
        [Self::Available, Self::Running, Self::Completed, Self::Retryable, Self::Dead, Self::Cancelled, Self::Skipped];

    /// Its name, in tables and on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Available => "available",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Retryable => "retryable",
            Self::Dead => "dead",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
        }
    }

    /// The state with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// A run, before it is stored.
#[derive(Debug, Clone)]
pub struct NewRun {
    /// The id the world sees, from [`crate::ids::sortable`] with the prefix `run`.
    pub uid: String,
    /// The event's row.
    pub event: i64,
    /// The extension record.
    pub extension: i64,
    /// The record's key.
    pub key: String,
    /// What holds the record.
    pub owner: Owner,
    /// The documentId of the store it belongs to.
    pub store: Option<String>,
    /// The pattern that matched.
    pub pattern: String,
    /// Attempts before it is dead.
    pub max_attempts: u32,
    /// When it may run, which is when it is made.
    pub due_at: Millis,
}

const INSERT: Bulk = Bulk {
    sqlite: &[
        "INSERT INTO runs (uid, event_id, extension_id, replay, key, owner_field, owner_id, store_document_id, pattern, \
         state, attempt, max_attempts, due_at, created_at) VALUES (",
        ", ",
        ", ",
        ", 0, ",
        ", ",
        ", ",
        ", ",
        ", ",
        ", 'available', 0, ",
        ", ",
        ", ",
        ") ON CONFLICT (event_id, extension_id, replay) DO NOTHING RETURNING id",
    ],
    postgres: [
        "INSERT INTO runs (uid, event_id, extension_id, replay, key, owner_field, owner_id, store_document_id, pattern, \
         state, attempt, max_attempts, due_at, created_at) SELECT uid, event, extension, 0, key, owner_field, owner_id, \
         store, pattern, 'available', 0, max_attempts, due_at, created_at FROM ",
        " AS r(uid, event, extension, key, owner_field, owner_id, store, pattern, max_attempts, due_at, created_at) \
         ON CONFLICT (event_id, extension_id, replay) DO NOTHING RETURNING id",
    ],
};

/// Stores runs; one that is there already, for the same event and record, stays as it is. Returns how many are new.
pub fn insert(conn: &mut Conn, runs: Vec<NewRun>) -> Result<usize> {
    let values = |run: NewRun| {
        vec![
            run.uid.into(),
            run.event.into(),
            run.extension.into(),
            run.key.into(),
            run.owner.0.into(),
            run.owner.1.into(),
            run.store.into(),
            run.pattern.into(),
            i64::from(run.max_attempts).into(),
            run.due_at.into(),
            run.due_at.into(),
        ]
    };
    Ok(bulk::run(conn, &INSERT, runs.into_iter().map(values).collect())?.len())
}

/// A run that a worker has taken, with what it needs to execute it.
#[derive(Debug)]
pub struct Claimed {
    /// Its row.
    pub id: i64,
    /// Its id.
    pub uid: String,
    /// Which attempt this is, from 1: whoever records something must have this number.
    pub attempt: u32,
    /// How many attempts before it were lost with their worker.
    pub lost: u32,
    /// How many there can be.
    pub max_attempts: u32,
    /// The key of the record when the run was made.
    pub key: String,
    /// The extension record's id.
    pub extension_id: i64,
    /// The record as it is now; none when its row is gone.
    pub record: Option<Record>,
    /// What happened.
    pub event: Event,
}

/// An extension record as it is now.
#[derive(Debug)]
pub struct Record {
    /// Its key.
    pub key: String,
    /// Its credentials, sealed.
    pub credentials: Option<String>,
    /// Its config; JSON.
    pub config: Option<String>,
    /// Its url.
    pub url: Option<String>,
    /// Its meta; JSON.
    pub meta: Option<String>,
    /// Whether it is switched on.
    pub active: bool,
    /// When it was removed, if it was.
    pub removed_at: Option<Millis>,
}

/// Takes up to `limit` runs that are due, the longest due first, and holds them until `lease_until`.
///
/// Fairness between stores and limits of destinations have their place here: in which due runs are chosen.
pub fn claim(conn: &mut Conn, now: Millis, lease_until: Millis, limit: usize) -> Result<Vec<Claimed>> {
    let mut sql = Sql::new("WITH due AS MATERIALIZED (");
    sql.text("SELECT id FROM runs WHERE state IN ('available', 'retryable') AND due_at <= ").int(now);
    sql.text(" ORDER BY due_at, id LIMIT ").int(i64::try_from(limit).unwrap_or(i64::MAX));
    sql.either("", " FOR UPDATE SKIP LOCKED")
        .text(") UPDATE runs SET state = 'running', attempt = attempt + 1, reason = NULL, lease_until = ");
    sql.int(lease_until).text(" WHERE id IN (SELECT id FROM due) RETURNING id");
    let ids = conn.list(&sql, |row| row.int(0))?;
    if ids.is_empty() { Ok(Vec::new()) } else { taken(conn, ids) }
}

fn taken(conn: &mut Conn, ids: Vec<i64>) -> Result<Vec<Claimed>> {
    let mut sql = Sql::new(
        "SELECT r.id, r.uid, r.attempt, r.lost, r.max_attempts, r.key, r.extension_id, x.id, x.key, x.credentials, x.config, \
         x.url, x.meta, x.active, x.removed_at, ",
    );
    sql.text(ENVELOPE).text(
        " FROM runs r JOIN events e ON e.id = r.event_id LEFT JOIN extensions x ON x.id = r.extension_id WHERE r.id",
    );
    sql.in_ints(ids).text(" ORDER BY r.due_at, r.id");
    conn.list(&sql, |row| {
        let record = match row.find_int(7)? {
            None => None,
            Some(_) => Some(Record {
                key: row.find_text(8)?.unwrap_or_default(),
                credentials: row.find_text(9)?,
                config: row.find_text(10)?,
                url: row.find_text(11)?,
                meta: row.find_text(12)?,
                active: row.find_int(13)? == Some(1),
                removed_at: row.find_int(14)?,
            }),
        };
        Ok(Claimed {
            id: row.int(0)?,
            uid: row.text(1)?,
            attempt: small(row.int(2)?)?,
            lost: small(row.int(3)?)?,
            max_attempts: small(row.int(4)?)?,
            key: row.text(5)?,
            extension_id: row.int(6)?,
            record,
            event: events::read(&row, 15)?,
        })
    })
}

fn small(number: i64) -> Result<u32> {
    u32::try_from(number).map_err(|error| Error::Internal(error.into()))
}

/// A run in the hands of a worker: its row and the attempt that the worker knows of.
pub type Held = (i64, u32);

const RENEW: Bulk = Bulk {
    sqlite: &[
        "UPDATE runs SET lease_until = ",
        " WHERE id = ",
        " AND attempt = ",
        " AND state = 'running' RETURNING id",
    ],
    postgres: [
        "UPDATE runs r SET lease_until = h.lease_until FROM ",
        " AS h(lease_until, id, attempt) WHERE r.id = h.id AND r.attempt = h.attempt AND r.state = 'running' RETURNING r.id",
    ],
};

/// Holds runs until `lease_until`; returns those that were still in the hands of the caller.
pub fn renew(conn: &mut Conn, held: &[Held], lease_until: Millis) -> Result<Vec<i64>> {
    let rows = held.iter().map(|(id, attempt)| vec![lease_until.into(), (*id).into(), i64::from(*attempt).into()]);
    bulk::run(conn, &RENEW, rows.collect())
}

/// What an attempt makes of its run.
#[derive(Debug, Clone)]
pub struct Move {
    /// The run.
    pub held: Held,
    /// Its new state.
    pub state: State,
    /// When it may run again.
    pub due_at: Millis,
    /// Why, unless it is completed.
    pub reason: Option<String>,
    /// When it ended, if it did.
    pub finished_at: Option<Millis>,
    /// Whether the attempt was lost with its worker.
    pub lost: bool,
}

const MOVE: Bulk = Bulk {
    sqlite: &[
        "UPDATE runs SET lease_until = NULL, state = ",
        ", due_at = ",
        ", reason = ",
        ", finished_at = ",
        ", lost = lost + ",
        " WHERE id = ",
        " AND attempt = ",
        " AND state = 'running' RETURNING id",
    ],
    postgres: [
        "UPDATE runs r SET lease_until = NULL, state = m.state, due_at = m.due_at, reason = m.reason, \
         finished_at = m.finished_at, lost = r.lost + m.lost FROM ",
        " AS m(state, due_at, reason, finished_at, lost, id, attempt) \
         WHERE r.id = m.id AND r.attempt = m.attempt AND r.state = 'running' RETURNING r.id",
    ],
};

/// Moves runs on; returns those that were still in the hands of the caller. The others were given to someone else when
/// their lease ended, and stay as they are.
pub fn finish(conn: &mut Conn, moves: impl IntoIterator<Item = Move>) -> Result<Vec<i64>> {
    let values = |step: Move| {
        vec![
            step.state.as_str().into(),
            step.due_at.into(),
            step.reason.into(),
            step.finished_at.into(),
            i64::from(step.lost).into(),
            step.held.0.into(),
            i64::from(step.held.1).into(),
        ]
    };
    bulk::run(conn, &MOVE, moves.into_iter().map(values).collect())
}

/// A run that is under way for nobody.
#[derive(Debug)]
pub struct Lost {
    /// The run, with the attempt that nobody saw the end of.
    pub held: Held,
    /// How many attempts before it were lost.
    pub lost: u32,
    /// The extension record.
    pub extension_id: i64,
}

/// The runs whose lease ended before `now`; `None` for every run under way.
pub fn find_lost(conn: &mut Conn, now: Option<Millis>) -> Result<Vec<Lost>> {
    let mut sql = Sql::new("SELECT id, attempt, lost, extension_id FROM runs WHERE state = 'running'");
    if let Some(now) = now {
        sql.text(" AND lease_until < ").int(now);
    }
    // By the index of running ones; by id it would be every run there ever was.
    sql.text(" ORDER BY lease_until LIMIT 1000").either("", " FOR UPDATE SKIP LOCKED");
    conn.list(&sql, |row| {
        let held = (row.int(0)?, small(row.int(1)?)?);
        Ok(Lost { held, lost: small(row.int(2)?)?, extension_id: row.int(3)? })
    })
}

/// When the next run is due, if any waits.
pub fn next_due(conn: &mut Conn) -> Result<Option<Millis>> {
    let sql = Sql::new("SELECT due_at FROM runs WHERE state IN ('available', 'retryable') ORDER BY due_at, id LIMIT 1");
    conn.first(&sql, |row| row.int(0))
}

/// Deletes up to `limit` events from before `before`, with their runs and attempts; those with a run that has not ended
/// stay. Returns how many.
pub fn prune(conn: &mut Conn, before: Millis, limit: i64) -> Result<usize> {
    let mut sql = Sql::new("DELETE FROM events WHERE id IN (SELECT id FROM events WHERE occurred_at < ");
    sql.int(before).text(
        " AND dispatched_at IS NOT NULL AND NOT EXISTS (SELECT 1 FROM runs WHERE event_id = events.id \
         AND state IN ('available', 'retryable', 'running')) ORDER BY occurred_at LIMIT ",
    );
    sql.int(limit).text(")");
    conn.execute(&sql)
}
