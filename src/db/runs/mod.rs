//! Runs: one extension record to be executed for one event. Who may change a running one is told by its attempt number.

mod cancel;
mod claim;
mod find;
mod latest;
mod moves;
mod blocked;
mod replay;

use std::collections::BTreeSet;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromSqlRow};
use diesel::expression::AsExpression;
use diesel::serialize::{self, Output, ToSql};

use crate::clock::Millis;
use crate::db::bulk::{self, Bulk, Values};
use crate::db::events::Owner;
use crate::db::holds::shard_of;
use crate::db::{Conn, SafeText, Sql, destinations};
use crate::error::{Error, Result};

pub use blocked::{
    SLICE, find_held, find_to_probe, lock_ordering_keys, park, park_as_they_wait, redirect, release, release_lanes,
    set_aside, unblock_all, unblock_next, unblock_orphans,
};
pub use cancel::{Standing, cancel, cancel_waiting, lock};
pub use claim::{
    Claimed, Due, DueByShards, RecordSetup, Takings, Unreadable, Upcoming, find_due, find_due_by_lanes, take, upcoming,
};
pub use find::{BlockedBy, FoundRun, RunFilter, count, find, find_page};
pub use latest::{LatestAttempt, LatestRun, find_attempts, find_latest, find_told};
pub use moves::{Lost, PutBack, RunLease, RunTransition, Uses, bury, find_lost, finish, put_back, renew};
pub use replay::{Selected, find_last, find_selected};

/// Where a run stands. The moves between states are written in `runner::retry`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, AsExpression, FromSqlRow)]
#[diesel(sql_type = SafeText)]
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

    /// Whether nothing happens to a run by itself any more.
    pub fn is_end(self) -> bool {
        matches!(self, Self::Completed | Self::Dead | Self::Cancelled | Self::Skipped)
    }

    /// The state with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

impl<DB: Backend> ToSql<SafeText, DB> for State
where
    str: ToSql<SafeText, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.as_str().to_sql(out)
    }
}

impl<DB: Backend> FromSql<SafeText, DB> for State
where
    String: FromSql<SafeText, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        let name = String::from_sql(value)?;
        Self::parse(&name).ok_or_else(|| format!("a run in the state {name}").into())
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
    /// The pattern that matched; none when it was asked for by hand.
    pub pattern: Option<String>,
    /// Attempts before it is dead.
    pub max_attempts: u32,
    /// When it may run, which is when it is made.
    pub due_at: Millis,
    /// Where it goes; see [`crate::handler::destination()`].
    pub destination: String,
    /// What it has in common with runs that it must not overtake, if there are such: see [`ordering_key_of`].
    pub ordering_key: Option<String>,
    /// What it repeats, if it is a replay.
    pub replay: Option<Replay>,
    /// Why there is this run, if someone asked for it.
    pub cause: Option<String>,
}

/// Which run a replay repeats.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// The place of the replay among those of the same event and record, from 1.
    pub number: i64,
    /// The id of the run that it repeats.
    pub of: String,
}

const INSERT: Bulk = Bulk {
    sqlite: &[
        "INSERT INTO runs (uid, event_id, extension_id, replay, key, owner_field, owner_id, store_document_id, pattern, \
         max_attempts, due_at, created_at, destination, line, replay_of, cause, parked, state, attempt, lease_until) \
         VALUES (",
        ", ",
        ", ",
        ", ",
        ", ",
        ", ",
        ", ",
        ", ",
        ", ",
        ", ",
        ", ",
        ", ",
        ", ",
        ", ",
        ", ",
        ", ",
        ", ",
        ", ",
        ", ",
        ", ",
        ") ON CONFLICT (event_id, extension_id, replay) DO NOTHING",
    ],
    postgres: [
        "INSERT INTO runs (uid, event_id, extension_id, replay, key, owner_field, owner_id, store_document_id, pattern, \
         max_attempts, due_at, created_at, destination, line, replay_of, cause, parked, state, attempt, lease_until) \
         SELECT * FROM ",
        " ON CONFLICT (event_id, extension_id, replay) DO NOTHING",
    ],
};

/// The line of the runs of an extension record for events about a target: its documentId and, if it is a price, that.
pub fn ordering_key_of(extension: i64, document_id: &str, price: Option<i64>) -> String {
    let price = price.map(|price| format!(" {price}")).unwrap_or_default();
    format!("{extension} {document_id}{price}")
}

/// Stores runs; one that is there already, for the same event and record, stays as it is. Returns how many are new.
///
/// One whose destination is open or whose lane is held back is parked, unless it is asked for by hand, and so is one that
/// stands in a line: [`unblock_next`] lets the first of it go.
pub fn insert(conn: &mut Conn, runs: Vec<NewRun>) -> Result<usize> {
    let blocked = blocked(conn, &runs)?;
    bulk::run(conn, &INSERT, runs.into_iter().zip(blocked).map(|(run, blocked)| values(run, blocked, None)).collect())
}

/// Stores runs of events that are new, as [`insert`] does. `take` is asked for each that is not parked: those for which it
/// gives a time are held until then by whoever asks, as after [`take()`]. They are returned with their rows; the others
/// wait.
pub fn insert_taken(
    conn: &mut Conn,
    runs: Vec<NewRun>,
    mut take: impl FnMut(&NewRun) -> Option<Millis>,
) -> Result<Vec<(i64, NewRun)>> {
    let blocked = blocked(conn, &runs)?;
    let leases: Vec<_> = runs.iter().zip(&blocked).map(|(run, blocked)| (*blocked == 0).then(|| take(run))?).collect();
    let taken: Vec<_> = runs.iter().zip(&leases).map(|(run, lease)| lease.map(|_| run.clone())).collect();
    let rows = runs.into_iter().zip(blocked).zip(leases).map(|((run, blocked), lease)| values(run, blocked, lease));
    let ids = bulk::insert(conn, &INSERT, rows.collect())?;
    if ids.len() < taken.len() {
        return Err(Error::internal("an event that is new has runs"));
    }
    Ok(ids.into_iter().zip(taken).filter_map(|(id, run)| Some((id, run?))).collect())
}

/// What the column `blocked` says of each run.
fn blocked(conn: &mut Conn, runs: &[NewRun]) -> Result<Vec<i64>> {
    if runs.is_empty() {
        return Ok(Vec::new());
    }
    let names: BTreeSet<_> = runs.iter().map(|run| run.destination.clone()).collect();
    let shards: BTreeSet<_> = runs.iter().map(|run| shard_of(&run.destination, run.store.as_deref())).collect();
    let (open, lease) = destinations::keep_blocked(conn, names.into_iter().collect(), shards.into_iter().collect())?;
    let blocked = |run: &NewRun| match run {
        run if run.ordering_key.is_some() => blocked::LINE,
        run if run.pattern.is_none() => 0,
        run if open.contains(&run.destination) => blocked::DESTINATION,
        run if !lease.is_empty() && lease.contains(&shard_of(&run.destination, run.store.as_deref())) => blocked::HOLD,
        _ => 0,
    };
    Ok(runs.iter().map(blocked).collect())
}

/// The values of [`INSERT`] for a run that is held until `lease`, or waits.
fn values(run: NewRun, blocked: i64, lease: Option<Millis>) -> Values {
    let (replay, replay_of) = run.replay.map_or((0, None), |replay| (replay.number, Some(replay.of)));
    let (state, attempt) = if lease.is_some() { (State::Running, 1) } else { (State::Available, 0) };
    vec![
        run.uid.into(),
        run.event.into(),
        run.extension.into(),
        replay.into(),
        run.key.into(),
        run.owner.0.into(),
        run.owner.1.into(),
        run.store.into(),
        run.pattern.into(),
        i64::from(run.max_attempts).into(),
        run.due_at.into(),
        run.due_at.into(),
        run.destination.into(),
        run.ordering_key.into(),
        replay_of.into(),
        run.cause.into(),
        blocked.into(),
        state.as_str().into(),
        attempt.into(),
        lease.into(),
    ]
}

fn small(number: i64) -> Result<u32> {
    u32::try_from(number).map_err(|error| Error::Internal(error.into()))
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
