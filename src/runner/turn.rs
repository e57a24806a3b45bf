//! One turn of the runner's wheel: a single transaction that records what ended, dispatches what was emitted and claims
//! what is due. One commit for all of it is what makes an event travel fast and many events travel cheaply.

use std::collections::HashSet;
use std::sync::Arc;

use super::dispatch::{self, Dispatched};
use super::record::{self, Finished};
use super::rescue;
use crate::clock::Millis;
use crate::db::Conn;
use crate::db::runs::{self, Claimed, Held};
use crate::error::Result;
use crate::state::AppState;

/// What a turn is asked to do.
#[derive(Default)]
pub(super) struct Asked {
    /// Attempts to record.
    pub(super) finished: Arc<Vec<Finished>>,
    /// Runs whose lease must go on.
    pub(super) renew: Vec<Held>,
    /// The runs of this process, when those of vanished workers are to be given back.
    pub(super) rescue: Option<HashSet<i64>>,
    /// Whether to look for events.
    pub(super) dispatch: bool,
    /// Whether to look for runs even if no event made any.
    pub(super) claim: bool,
    /// How many runs can be taken.
    pub(super) free: usize,
}

/// What a turn did.
#[derive(Default)]
pub(super) struct Done {
    /// Runs of `renew` that were given to someone else meanwhile.
    pub(super) lost: Vec<i64>,
    /// Runs taken.
    pub(super) claimed: Vec<Claimed>,
    /// Until when they are held.
    pub(super) lease_until: Millis,
    /// Whether more events may be waiting.
    pub(super) more_events: bool,
    /// When the next run is due; `None` when it was not looked for runs.
    pub(super) next_due: Option<Option<Millis>>,
}

/// Does a turn in the caller's transaction.
pub(super) fn turn(conn: &mut Conn, state: &AppState, asked: &Asked, now: Millis) -> Result<Done> {
    let lease_until = now + i64::try_from(state.config.runner.lease.as_millis()).unwrap_or(i64::MAX / 2);
    record::record(conn, &asked.finished)?;
    let mut done = Done { lease_until, ..Done::default() };
    if !asked.renew.is_empty() {
        let kept = runs::renew(conn, &asked.renew, lease_until)?;
        done.lost = asked.renew.iter().map(|held| held.0).filter(|id| !kept.contains(id)).collect();
    }
    let mut look = asked.claim;
    if let Some(held) = &asked.rescue {
        let rescued = rescue::rescue(conn, held, now)?;
        if rescued > 0 {
            log::warn!("{rescued} runs whose worker vanished are given back");
            look = true;
        }
    }
    if asked.dispatch {
        // In a savepoint: what ended must be recorded even if events cannot be dispatched.
        let dispatched = conn.transaction(|conn| dispatch::dispatch(conn, state, now)).unwrap_or_else(|error| {
            log::error!("events could not be dispatched: {error}");
            Dispatched::default()
        });
        done.more_events = dispatched.more;
        look |= dispatched.runs > 0;
    }
    if look {
        if asked.free > 0 {
            done.claimed = runs::claim(conn, now, lease_until, asked.free)?;
        }
        done.next_due = Some(runs::next_due(conn)?);
    }
    Ok(done)
}
