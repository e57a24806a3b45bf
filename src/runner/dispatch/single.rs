//! An event that reaches one extension record alone, stored with its run.

use super::new_runs::max_attempts;
use crate::clock::{Millis, Random};
use crate::db::Conn;
use crate::db::events::{self, NewEvent, Owner};
use crate::db::runs::{self, NewRun};
use crate::error::{Error, Result};
use crate::handler::{Policy, Registry, destination};
use crate::ids;

/// The record that an event is for.
pub struct SingleTarget {
    pub id: i64,
    pub key: String,
    pub owner: Owner,
    /// JSON.
    pub config: Option<String>,
    pub url: Option<String>,
}

/// Why there is such a run.
pub struct Cause {
    /// What stands for a pattern; none when someone asked for it.
    pub pattern: Option<String>,
    /// Who asked, and why.
    pub reason: Option<String>,
}

/// Stores `event`, whose owners should be none, as dispatched, and the run of `record` for it. Returns the run's id.
pub fn store(
    conn: &mut Conn,
    (handlers, random): (&Registry, &dyn Random),
    event: &NewEvent,
    (record, cause): (SingleTarget, Cause),
    now: Millis,
) -> Result<String> {
    let row = events::insert_rows(conn, &[(event, Some(now))])?.pop();
    let row = row.ok_or_else(|| Error::internal("an event that was stored is not there"))?;
    let policy = record.config.as_deref().map(Policy::of).unwrap_or_default();
    let run = NewRun {
        uid: ids::sortable("run", now, random),
        event: row,
        extension: record.id,
        max_attempts: max_attempts(handlers, &record.key, &policy),
        destination: destination(&record.key, record.url.as_deref(), record.id),
        // It is for now, whatever waits.
        ordering_key: None,
        key: record.key,
        owner: record.owner,
        store: event.store.as_ref().map(|store| store.document_id.clone()),
        pattern: cause.pattern,
        due_at: now,
        replay: None,
        cause: cause.reason,
    };
    let id = run.uid.clone();
    runs::insert(conn, vec![run])?;
    Ok(id)
}
