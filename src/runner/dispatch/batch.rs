//! Events become runs: one for each active record that an event reaches and one of whose patterns matches.

use std::collections::HashSet;

use super::new_runs::{
    CANDIDATES, Dispatched, LOOKS, Owned, RUNS, Store, dispatch_event, owners, runs_of, store_in_order,
};
use super::slices;
use crate::clock::Millis;
use crate::db::Conn;
use crate::db::events::{self, Owner};
use crate::db::extensions;
use crate::error::Result;
use crate::state::AppState;

/// How many events one transaction covers at most.
const BATCH: usize = 256;

/// Makes the runs of the oldest events that were not dispatched, and notes it, in the caller's transaction. Doing it
/// twice is harmless: a run is unique for its event and record. `store` stores the runs.
pub fn dispatch(conn: &mut Conn, state: &AppState, store: Store, now: Millis) -> Result<Dispatched> {
    let Some(waiting) = events::undispatched(conn, BATCH as i64)? else {
        return Ok(Dispatched { busy: true, ..Dispatched::default() });
    };
    let in_slices = if waiting.in_slices { slices::find(conn)? } else { Vec::new() };
    let mut done = Dispatched { more: waiting.events.len() == BATCH, ..Dispatched::default() };
    let mut waiting: Vec<Owned> = waiting.events.into_iter().map(owners).collect();
    if !in_slices.is_empty() {
        waiting = slices::queue_behind(conn, &in_slices, waiting)?;
    }
    if !waiting.is_empty() {
        done.add(dispatch_whole(conn, state, waiting, store, now)?);
    }
    if !in_slices.is_empty() {
        // Some are left for it however many the others made.
        let most = (RUNS - done.runs.min(RUNS)).max(RUNS / 8);
        done.add(slices::dispatch(conn, state, in_slices, (store, most), now)?);
    }
    Ok(done)
}

/// Dispatches the oldest of `waiting`, each of them whole; those that reach too many records for that are left to
/// [`slices`].
fn dispatch_whole(
    conn: &mut Conn,
    state: &AppState,
    waiting: Vec<Owned>,
    store: Store,
    now: Millis,
) -> Result<Dispatched> {
    let count = waiting.len();
    let all: HashSet<Owner> = waiting.iter().flat_map(|(_, owners)| owners.iter().cloned()).collect();
    let (waiting, candidates) = match extensions::find_few_candidates(conn, all.into_iter().collect(), CANDIDATES)? {
        Some(candidates) => (waiting, candidates),
        None => slices::set_apart(conn, waiting)?,
    };

    let (mut new, mut looks, mut covered) = (Vec::new(), 0, Vec::new());
    for (event, owners) in &waiting {
        looks += owners.iter().filter_map(|owner| candidates.get(owner)).map(Vec::len).sum::<usize>();
        if !covered.is_empty() && (looks > LOOKS || new.len() >= RUNS) {
            break;
        }
        new.extend(runs_of(state, &dispatch_event(event), owners, &candidates, now));
        covered.push(event.id);
    }

    let more = covered.len() < count;
    let (runs, busy) = store_in_order(conn, new, store, now)?;
    events::mark_dispatched(conn, covered, now)?;
    Ok(Dispatched { runs, more, busy, stuck: false })
}
