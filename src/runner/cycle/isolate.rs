//! What one record, run or attempt cannot have stored is that one's own fault: it is done by itself, in a savepoint, told of
//! with the reason, and the rest goes on.
//!
//! It costs a savepoint for each, and so it is done only when a transaction has failed in which all were together.

use serde_json::Map;

use super::complete::{self, Finished, Recorded};
use crate::clock::Millis;
use crate::db::Conn;
use crate::db::runs::{self, NewRun};
use crate::error::{Error, Result};
use crate::runner::execute::retry::{Health, Met};
use crate::state::AppState;

/// Whether `error` is about what was to be stored; else about the database, which takes nothing of anyone at the moment,
/// or about another transaction that was in the way.
pub fn is_own_fault(error: &Error) -> bool {
    !matches!(error, Error::Unavailable(_) | Error::Raced(_))
}

/// Stores runs one by one. One that cannot be stored is stored as dead, with the reason and without what it may be about.
/// Returns how many are new.
pub fn store_each(conn: &mut Conn, runs: Vec<NewRun>, now: Millis) -> Result<usize> {
    let mut count = 0;
    for run in runs {
        let stored = conn.transaction(|conn| runs::insert(conn, vec![run.clone()]));
        count += match stored {
            Err(error) if is_own_fault(&error) => store_dead(conn, run, &error, now)?,
            stored => stored?,
        };
    }
    Ok(count)
}

fn store_dead(conn: &mut Conn, run: NewRun, error: &Error, now: Millis) -> Result<usize> {
    log::error!("a run of extension record {} cannot be stored, and is dead: {error}", run.extension);
    let reason = format!("the run could not be stored: {error}");
    let (uid, extension) = (run.uid.clone(), run.extension);
    let bare = NewRun { key: run.key.chars().take(128).collect(), destination: String::new(), line: None, ..run };
    let stored = conn.transaction(|conn| {
        let count = runs::insert(conn, vec![bare])?;
        runs::bury(conn, &uid, &reason, now)?;
        Ok(count)
    });
    match stored {
        Err(error) if is_own_fault(&error) => {
            log::error!("not even the dead run of extension record {extension} can be stored: {error}");
            Ok(0)
        }
        stored => stored,
    }
}

/// Records attempts one by one, when they cannot be recorded together. One that cannot be is recorded as dead, without what
/// it left.
pub fn record_each(
    conn: &mut Conn,
    state: &AppState,
    finished: &[Finished],
    troubled: bool,
    now: Millis,
) -> Result<Recorded> {
    let random = &*state.random;
    let together = conn.transaction(|conn| complete::record(conn, random, finished, troubled, now));
    match together {
        Err(error) if is_own_fault(&error) => log::error!("attempts are recorded one by one, after {error}"),
        together => return together,
    }
    let mut all = Recorded::default();
    for one in finished {
        let mut record = |one: Finished| conn.transaction(|conn| complete::record(conn, random, &[one], true, now));
        let recorded = match record(one.clone()) {
            Err(error) if is_own_fault(&error) => {
                log::error!("attempt {} of run {} cannot be recorded: {error}", one.held.1, one.held.0);
                record(bare(one, &error))
            }
            recorded => recorded,
        };
        match recorded {
            // Its lease ends, and it is given back as a lost one.
            Err(error) if is_own_fault(&error) => {
                log::error!("not even the end of run {} can be recorded: {error}", one.held.0);
            }
            recorded => all.add(recorded?),
        }
    }
    Ok(all)
}

fn bare(one: &Finished, error: &Error) -> Finished {
    let reason = format!("what the attempt left could not be stored: {error}");
    let mut bare = Finished { reason: Some(reason.clone()), meta: Map::new(), switch_off: false, ..one.clone() };
    (bare.answer.met, bare.answer.health) = (Met::Refused, Health::Unknown);
    if let Some(attempt) = &mut bare.attempt {
        (attempt.outcome, attempt.message, attempt.data) = ("discard", reason, None);
        attempt.exchanges = "[]".to_owned();
    }
    bare
}
