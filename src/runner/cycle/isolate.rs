//! An attempt that cannot be recorded fails alone: it is recorded in a savepoint of its own, as dead with the reason if need
//! be, and the rest goes on.
//!
//! Each attempt costs a savepoint, so this is done only after a transaction has failed in which all were together.

use serde_json::Map;

use super::complete::{self, Recorded};
use crate::clock::Millis;
use crate::db::Conn;
use crate::error::{Error, Result};
use crate::runner::dispatch::isolate::is_own_fault;
use crate::runner::execute::finished::FinishedAttempt;
use crate::runner::execute::retry::{Ending, Health};
use crate::state::AppState;

/// Records attempts one by one, when they cannot be recorded together. One that cannot be is recorded as dead, without what
/// it left.
pub fn record_each(
    conn: &mut Conn,
    state: &AppState,
    finished: &[FinishedAttempt],
    any_failing: bool,
    now: Millis,
) -> Result<Recorded> {
    let random = &*state.random;
    let together = conn.transaction(|conn| complete::record(conn, random, finished, any_failing, now));
    match together {
        Err(error) if is_own_fault(&error) => log::error!("attempts are recorded one by one, after {error}"),
        together => return together,
    }
    let mut all = Recorded::default();
    for one in finished {
        let mut record =
            |one: FinishedAttempt| conn.transaction(|conn| complete::record(conn, random, &[one], true, now));
        let recorded = match record(one.clone()) {
            Err(error) if is_own_fault(&error) => {
                log::error!("attempt {} of run {} cannot be recorded: {error}", one.lease.1, one.lease.0);
                record(bare(one, &error))
            }
            recorded => recorded,
        };
        match recorded {
            // Its lease ends, and it is given back as a lost one.
            Err(error) if is_own_fault(&error) => {
                log::error!("not even the end of run {} can be recorded: {error}", one.lease.0);
            }
            recorded => all.add(recorded?),
        }
    }
    Ok(all)
}

fn bare(one: &FinishedAttempt, error: &Error) -> FinishedAttempt {
    let reason = format!("what the attempt left could not be stored: {error}");
    let mut bare = FinishedAttempt { reason: Some(reason.clone()), meta: Map::new(), switch_off: false, ..one.clone() };
    (bare.observation.ending, bare.observation.health) = (Ending::Refused, Health::Unknown);
    if let Some(attempt) = &mut bare.attempt {
        (attempt.outcome, attempt.message, attempt.data) = ("discard", reason, None);
        attempt.exchanges = "[]".to_owned();
    }
    bare
}
