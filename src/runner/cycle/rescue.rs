//! Runs whose worker vanished are given back, and the attempt that nobody saw the end of is recorded as lost.

use std::collections::HashSet;

use serde_json::Map;

use super::complete;
use crate::clock::{Millis, Random};
use crate::db::Conn;
use crate::db::attempts::NewAttempt;
use crate::db::holds::shard_of;
use crate::db::runs::{self, Lost};
use crate::error::Result;
use crate::runner::execute::finished::FinishedAttempt;
use crate::runner::execute::retry::{Ending, Health, History, Observation};

/// Gives back runs that are under way for nobody, in the caller's transaction; `lease` are those of this process.
/// Returns how many.
///
/// In a shared database these are the runs whose lease has ended. Where this process owns the database, whatever it does not
/// hold itself was left by an earlier one.
pub fn rescue(conn: &mut Conn, random: &dyn Random, lease: &HashSet<i64>, now: Millis) -> Result<usize> {
    let before = conn.is_shared().then_some(now);
    let mut lost = runs::find_lost(conn, before)?;
    lost.retain(|one| !lease.contains(&one.lease.0));
    let given_back: Vec<FinishedAttempt> = lost.iter().map(|one| given_back(one, now)).collect();
    // Nothing is known of how their destinations are.
    complete::record(conn, random, &given_back, false, now)?;
    Ok(given_back.len())
}

/// Lets go runs that wait for something which has come about already: two processes that do each other's next step at the
/// same moment may both miss it. Returns how many, and whether there may be more.
pub fn release(conn: &mut Conn, now: Millis) -> Result<(usize, bool)> {
    let orphans = runs::unblock_orphans(conn, now)?;
    Ok((orphans + runs::unblock_all(conn)?, orphans >= runs::SLICE))
}

/// What a lost attempt leaves behind: it counts, since it is likely that the receiver heard of it.
pub fn given_back(lost: &Lost, now: Millis) -> FinishedAttempt {
    let attempt = NewAttempt {
        run: lost.lease.0,
        number: lost.lease.1,
        started_at: now,
        duration_ms: 0,
        outcome: "lost",
        message: REASON.to_owned(),
        data: None,
        exchanges: "[]".to_owned(),
    };
    FinishedAttempt {
        lease: lost.lease,
        // Nothing is known of how its destination is.
        observation: Observation {
            ending: Ending::Lost,
            health: Health::Unknown,
            destination: lost.destination.clone(),
            shard: shard_of(&lost.destination, lost.store.as_deref()),
        },
        history: History { lost: lost.lost, limited_since: lost.limited_since, ..History::default() },
        ended_at: now,
        reason: Some(REASON.to_owned()),
        extension_id: lost.extension_id,
        attempt: Some(attempt),
        reached: true,
        meta: Map::new(),
        switch_off: false,
        probe: None,
        ordering_key: lost.ordering_key.clone(),
    }
}

/// What is told of an attempt whose end nobody saw.
const REASON: &str = "the worker vanished before the attempt ended";
