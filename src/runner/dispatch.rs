//! Events become runs: one for each active record that an event reaches and one of whose patterns matches.

use std::collections::{HashMap, HashSet};

use super::hears::{Sound, hears, movement};
use crate::clock::Millis;
use crate::db::Conn;
use crate::db::events::{self, Owner, Undispatched};
use crate::db::extensions::{self, Listener};
use crate::db::runs::{self, NewRun};
use crate::error::Result;
use crate::handler::{Descriptor, Policy};
use crate::ids;
use crate::state::AppState;

/// How many events one transaction covers at most.
const BATCH: usize = 256;

/// What a dispatch did.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Dispatched {
    /// Runs that are new.
    pub(super) runs: usize,
    /// Whether more events may be waiting.
    pub(super) more: bool,
}

/// Makes the runs of the oldest events that were not dispatched, and notes it, in the caller's transaction. Doing it
/// twice is harmless: a run is unique for its event and record.
pub(super) fn dispatch(conn: &mut Conn, state: &AppState, now: Millis) -> Result<Dispatched> {
    let waiting = events::undispatched(conn, BATCH as i64)?;
    if waiting.is_empty() {
        return Ok(Dispatched::default());
    }
    let reached: Vec<(Undispatched, Vec<Owner>)> = waiting.into_iter().map(owners).collect();
    let all: HashSet<Owner> = reached.iter().flat_map(|(_, owners)| owners.iter().cloned()).collect();
    let listeners = extensions::find_listeners(conn, all.into_iter().collect())?;
    let new = reached.iter().flat_map(|(event, owners)| runs_of(state, event, owners, &listeners, now)).collect();
    let runs = runs::insert(conn, new)?;
    events::mark_dispatched(conn, reached.iter().map(|(event, _)| event.id).collect(), now)?;
    Ok(Dispatched { runs, more: reached.len() == BATCH })
}

/// The event with its owners read; one that cannot be read reaches nobody, and must not hold up those behind it.
fn owners(event: Undispatched) -> (Undispatched, Vec<Owner>) {
    let owners = serde_json::from_str(&event.owners).unwrap_or_else(|error| {
        log::error!("event {} reaches nobody: its owners cannot be read: {error}", event.id);
        Vec::new()
    });
    (event, owners)
}

fn runs_of(
    state: &AppState,
    event: &Undispatched,
    owners: &[Owner],
    listeners: &HashMap<Owner, Vec<Listener>>,
    now: Millis,
) -> Vec<NewRun> {
    let sound = Sound {
        trigger: &event.trigger,
        occurred_at: event.occurred_at,
        movement: event.stock.as_deref().and_then(movement),
    };
    let mut seen = HashSet::new();
    let mut made = Vec::new();
    for owner in owners.iter().filter(|owner| seen.insert(*owner)) {
        for listener in listeners.get(owner).into_iter().flatten() {
            let Ok(pattern) = hears(&state.matchers, listener, sound) else { continue };
            made.push(NewRun {
                uid: ids::sortable("run", now, &*state.random),
                event: event.id,
                extension: listener.id,
                key: listener.key.clone(),
                owner: owner.clone(),
                store: listener.store.clone().or_else(|| event.store.clone()),
                pattern: pattern.to_owned(),
                max_attempts: max_attempts(state, listener),
                due_at: now,
            });
        }
    }
    made
}

fn max_attempts(state: &AppState, listener: &Listener) -> u32 {
    let own = listener.config.as_deref().and_then(|config| Policy::of(config).max_attempts);
    let handler = || state.handlers.find(&listener.key).map(|entry| entry.descriptor().max_attempts);
    own.or_else(handler).unwrap_or_else(|| Descriptor::default().max_attempts)
}
