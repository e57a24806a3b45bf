//! A run that cannot be stored fails alone: it is stored as dead, in a savepoint, with the reason, and the rest goes on.
//!
//! Each run costs a savepoint, so this is done only after a transaction has failed in which all were together.

use crate::clock::Millis;
use crate::db::Conn;
use crate::db::runs::{self, NewRun};
use crate::error::{Error, Result};

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
    let bare =
        NewRun { key: run.key.chars().take(128).collect(), destination: String::new(), ordering_key: None, ..run };
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
