//! Moves of runs that are in the hands of a worker.

use diesel::prelude::*;

use super::blocked::waits_for;
use super::{State, small};
use crate::clock::Millis;
use crate::db::bulk::{self, Bulk, Key};
use crate::db::schema::runs;
use crate::db::text::safe;
use crate::db::{Conn, Sql};
use crate::error::Result;

/// A run in the hands of a worker: its row and the attempt that the worker knows of.
pub type RunLease = (i64, u32);

const RENEW: Bulk = Bulk {
    sqlite: &["UPDATE runs SET lease_until = ", " WHERE id = ", " AND attempt = ", " AND state = 'running'"],
    postgres: [
        "UPDATE runs r SET lease_until = h.lease_until FROM ",
        " AS h(lease_until, id, attempt) WHERE r.id = h.id AND r.attempt = h.attempt AND r.state = 'running'",
    ],
};

/// Holds runs until `lease_until`; returns those that were still in the hands of the caller.
pub fn renew(conn: &mut Conn, lease: &[RunLease], lease_until: Millis) -> Result<Vec<i64>> {
    let rows = lease.iter().map(|(id, attempt)| vec![lease_until.into(), (*id).into(), i64::from(*attempt).into()]);
    bulk::touched(conn, &RENEW, &Key(1, "r.id"), rows.collect())
}

/// What an attempt makes of its run.
#[derive(Debug, Clone)]
pub struct RunTransition {
    /// The run.
    pub lease: RunLease,
    /// Its new state.
    pub state: State,
    /// When it may run again.
    pub due_at: Millis,
    /// Why, unless it is completed.
    pub reason: Option<String>,
    /// When it ended, if it did.
    pub finished_at: Option<Millis>,
    /// What the attempt used up.
    pub uses: Uses,
    /// Before when the other side asked not to be tried again.
    pub not_before: Option<Millis>,
    /// When an attempt of it first met a limit.
    pub limited_since: Option<Millis>,
}

/// What of a run's allowances an attempt uses up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Uses {
    /// One of its tries.
    Try,
    /// No try: it was made ahead of the run's time.
    Probe,
    /// No try: it met a limit.
    Limit,
    /// No try: it was lost with its worker.
    Lost,
    /// Nothing: the handler was not reached.
    Nothing,
}

const MOVE: Bulk = Bulk {
    sqlite: &[
        concat!("UPDATE runs SET lease_until = NULL, parked = ", waits_for!("runs"), ", state = "),
        ", due_at = ",
        ", reason = ",
        ", finished_at = ",
        ", lost = lost + ",
        ", probes = probes + ",
        ", limits = limits + ",
        ", not_before = ",
        ", limited_since = ",
        " WHERE id = ",
        " AND attempt = ",
        " AND state = 'running'",
    ],
    postgres: [
        concat!(
            "UPDATE runs r SET lease_until = NULL, parked = ",
            waits_for!("r"),
            ", state = m.state, due_at = m.due_at, reason = m.reason, finished_at = m.finished_at, lost = r.lost + m.lost, \
             probes = r.probes + m.probe, limits = r.limits + m.met, not_before = m.not_before, \
             limited_since = m.limited_since FROM "
        ),
        " AS m(state, due_at, reason, finished_at, lost, probe, met, not_before, limited_since, id, attempt) \
         WHERE r.id = m.id AND r.attempt = m.attempt AND r.state = 'running'",
    ],
};

/// Moves runs on; returns those that were still in the hands of the caller. The others were given to someone else when
/// their lease ended, and stay as they are. One that is tried again is parked when its destination is
/// open or its lane held back.
pub fn finish(conn: &mut Conn, moves: impl IntoIterator<Item = RunTransition>) -> Result<Vec<i64>> {
    let values = |transition: RunTransition| {
        vec![
            transition.state.as_str().into(),
            transition.due_at.into(),
            transition.reason.into(),
            transition.finished_at.into(),
            i64::from(transition.uses == Uses::Lost).into(),
            i64::from(transition.uses == Uses::Probe).into(),
            i64::from(transition.uses == Uses::Limit).into(),
            transition.not_before.into(),
            transition.limited_since.into(),
            transition.lease.0.into(),
            i64::from(transition.lease.1).into(),
        ]
    };
    bulk::touched(conn, &MOVE, &Key(9, "r.id"), moves.into_iter().map(values).collect())
}

/// Makes a run dead that was made just now and cannot be executed.
pub fn bury(conn: &mut Conn, uid: &str, reason: &str, now: Millis) -> Result<()> {
    let dead = (
        runs::state.eq(State::Dead),
        runs::parked.eq(0),
        runs::reason.eq(Some(reason)),
        runs::finished_at.eq(Some(now)),
    );
    conn.run(diesel::update(runs::table.filter(runs::uid.eq(safe(uid)))).set(dead)).map(drop)
}

/// A run that is under way for nobody.
#[derive(Debug)]
pub struct Lost {
    /// The run, with the attempt that nobody saw the end of.
    pub lease: RunLease,
    /// How many attempts before it were lost.
    pub lost: u32,
    /// When an attempt of it first met a limit.
    pub limited_since: Option<Millis>,
    /// Where it goes.
    pub destination: String,
    /// The documentId of the store that it belongs to.
    pub store: Option<String>,
    /// The extension record.
    pub extension_id: i64,
    /// What it has in common with runs that must not overtake it.
    pub ordering_key: Option<String>,
}

/// The runs whose lease ended before `now`; `None` for every run under way.
pub fn find_lost(conn: &mut Conn, now: Option<Millis>) -> Result<Vec<Lost>> {
    let mut sql = Sql::new(
        "SELECT id, attempt, lost, extension_id, line, limited_since, destination, store_document_id FROM runs \
         WHERE state = 'running'",
    );
    if let Some(now) = now {
        sql.text(" AND lease_until < ").int(now);
    }
    // By the index of running ones; by id it would be every run there ever was.
    sql.text(" ORDER BY lease_until LIMIT 1000").skip_locked();
    conn.list(&sql, |row| {
        let lease = (row.int(0)?, small(row.int(1)?)?);
        Ok(Lost {
            lease,
            lost: small(row.int(2)?)?,
            limited_since: row.find_int(5)?,
            destination: row.text(6)?,
            store: row.find_text(7)?,
            extension_id: row.int(3)?,
            ordering_key: row.find_text(4)?,
        })
    })
}

/// What becomes of a run that was taken and is not executed now, because of a limit.
#[derive(Debug, Clone)]
pub struct PutBack {
    /// The run, as it was taken.
    pub lease: RunLease,
    /// Available or retryable, as it was; or skipped.
    pub state: State,
    /// When it may run again.
    pub due_at: Millis,
    /// Why.
    pub reason: String,
    /// When it ended, if it did.
    pub finished_at: Option<Millis>,
}

const PUT_BACK: Bulk = Bulk {
    sqlite: &[
        concat!(
            "UPDATE runs SET lease_until = NULL, attempt = attempt - 1, parked = ",
            waits_for!("runs"),
            ", state = "
        ),
        ", due_at = ",
        ", reason = ",
        ", finished_at = ",
        " WHERE id = ",
        " AND attempt = ",
        " AND state = 'running'",
    ],
    postgres: [
        concat!(
            "UPDATE runs r SET lease_until = NULL, attempt = r.attempt - 1, parked = ",
            waits_for!("r"),
            ", state = p.state, due_at = p.due_at, reason = p.reason, finished_at = p.finished_at FROM "
        ),
        " AS p(state, due_at, reason, finished_at, id, attempt) \
         WHERE r.id = p.id AND r.attempt = p.attempt AND r.state = 'running'",
    ],
};

/// Puts back runs that were taken in the same transaction, so that nobody has seen their attempt.
pub fn put_back(conn: &mut Conn, runs: Vec<PutBack>) -> Result<()> {
    let values = |run: PutBack| {
        vec![
            run.state.as_str().into(),
            run.due_at.into(),
            run.reason.into(),
            run.finished_at.into(),
            run.lease.0.into(),
            i64::from(run.lease.1).into(),
        ]
    };
    bulk::run(conn, &PUT_BACK, runs.into_iter().map(values).collect()).map(drop)
}
