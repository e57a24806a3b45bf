//! Runs whose worker vanished are given back, and the attempt that nobody saw the end of is recorded as lost.

use std::collections::HashSet;

use serde_json::Map;

use super::record::{self, Finished};
use super::retry;
use crate::clock::Millis;
use crate::db::attempts::NewAttempt;
use crate::db::extensions::Tally;
use crate::db::runs::{self, Lost, Move, State};
use crate::db::{Conn, Kind};
use crate::error::Result;

/// Gives back runs that are under way for nobody, in the caller's transaction; `held` are those of this process.
/// Returns how many.
///
/// On PostgreSQL these are the runs whose lease has ended. On SQLite one process owns the database, so whatever it does
/// not hold itself was left by an earlier one.
pub(super) fn rescue(conn: &mut Conn, held: &HashSet<i64>, now: Millis) -> Result<usize> {
    let before = (conn.kind() == Kind::Postgres).then_some(now);
    let mut lost = runs::find_lost(conn, before)?;
    lost.retain(|one| !held.contains(&one.held.0));
    let given_back: Vec<Finished> = lost.iter().map(|one| given_back(one, now)).collect();
    // Nothing is known of how their destinations are.
    record::record(conn, &given_back, false, now)?;
    Ok(given_back.len())
}

/// Lets go runs that wait for something which has come about already: two processes that do each other's next step at the
/// same moment may both miss it. Returns how many.
pub(super) fn release(conn: &mut Conn, now: Millis) -> Result<usize> {
    Ok(runs::release_strays(conn, now)? + runs::advance_all(conn)?)
}

/// What a lost attempt leaves behind: it counts, since it is likely that the receiver heard of it.
pub(super) fn given_back(lost: &Lost, now: Millis) -> Finished {
    let (state, wait) = retry::after_loss(lost.lost);
    let step = Move {
        held: lost.held,
        state,
        due_at: now + wait,
        reason: Some(REASON.to_owned()),
        finished_at: (state == State::Dead).then_some(now),
        lost: true,
        probe: false,
        not_before: None,
    };
    let attempt = NewAttempt {
        run: lost.held.0,
        number: lost.held.1,
        started_at: now,
        duration_ms: 0,
        outcome: "lost",
        message: REASON.to_owned(),
        data: None,
        exchanges: "[]".to_owned(),
    };
    Finished {
        step,
        extension_id: lost.extension_id,
        attempt: Some(attempt),
        tally: Tally { runs: 1, ..Tally::default() },
        meta: Map::new(),
        switch_off: false,
        health: None,
        probe: None,
        line: lost.line.clone(),
    }
}

/// What is told of an attempt whose end nobody saw.
const REASON: &str = "the worker vanished before the attempt ended";
