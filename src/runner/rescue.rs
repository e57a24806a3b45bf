//! Runs whose worker vanished are given back, and the attempt that nobody saw the end of is recorded as lost.

use std::collections::HashSet;

use crate::clock::Millis;
use crate::db::attempts::{self, NewAttempt};
use crate::db::runs::{self, Move, State};
use crate::db::{Conn, Kind};
use crate::error::Result;
use crate::runner::retry;

/// Gives back runs that are under way for nobody, in the caller's transaction; `held` are those of this process.
/// Returns how many.
///
/// On PostgreSQL these are the runs whose lease has ended. On SQLite one process owns the database, so whatever it does
/// not hold itself was left by an earlier one.
pub(super) fn rescue(conn: &mut Conn, held: &HashSet<i64>, now: Millis) -> Result<usize> {
    let before = (conn.kind() == Kind::Postgres).then_some(now);
    let mut lost = runs::find_lost(conn, before)?;
    lost.retain(|((id, _), _)| !held.contains(id));
    let kept = runs::finish(conn, lost.iter().map(|(held, max_attempts)| step(*held, *max_attempts, now)))?;
    let ours: HashSet<i64> = kept.into_iter().collect();
    let ended = lost.iter().filter(|((id, _), _)| ours.contains(id));
    attempts::insert(conn, ended.map(|((run, number), _)| attempt(*run, *number, now)))?;
    Ok(ours.len())
}

fn step(held: runs::Held, max_attempts: u32, now: Millis) -> Move {
    let state = retry::after_loss(held.1, max_attempts);
    let finished_at = (state == State::Dead).then_some(now);
    Move { held, state, due_at: now, reason: Some(REASON.to_owned()), finished_at }
}

/// What is told of an attempt whose end nobody saw.
pub(super) const REASON: &str = "the worker vanished before the attempt ended";

fn attempt(run: i64, number: u32, now: Millis) -> NewAttempt {
    NewAttempt {
        run,
        number,
        started_at: now,
        duration_ms: 0,
        outcome: "lost",
        message: REASON.to_owned(),
        data: None,
        exchanges: "[]".to_owned(),
    }
}
