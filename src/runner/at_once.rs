//! Events whose runs are made, and begun if nothing stands against it, with the commit that stores them. What is left is
//! for the runner's next turn.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::dispatch::{Heard, runs_of};
use super::hears::Sound;
use super::limit;
use crate::clock::Millis;
use crate::db::Conn;
use crate::db::events::{self, NewEvent, Owner};
use crate::db::extensions;
use crate::db::runs::{self, Claimed, NewRun};
use crate::error::{Error, Result};
use crate::state::AppState;

/// How many records may listen to the events of one commit, and how many runs it makes: who emits waits for it.
const LISTENERS: usize = 1024;
const RUNS: usize = 1024;

/// Stores the events of callers. Their runs are made with them, unless they are many, or must stand in a line, which runs
/// join in the order of their events. The runner is woken after the commit.
pub(super) fn store(conn: &mut Conn, state: &Arc<AppState>, events: &[NewEvent], now: Millis) -> Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let owners: HashSet<Owner> = events.iter().flat_map(|event| event.owners.iter().cloned()).collect();
    let listeners = extensions::find_few_listeners(conn, owners.into_iter().collect(), LISTENERS)?;
    let mut made = 0;
    let runs: Vec<Option<Vec<NewRun>>> = events
        .iter()
        .map(|event| {
            let runs = runs_of(state, &heard(event), &event.owners, listeners.as_ref()?, now);
            let is_easy = made + runs.len() <= RUNS && runs.iter().all(|run| run.line.is_none());
            made += if is_easy { runs.len() } else { 0 };
            is_easy.then_some(runs)
        })
        .collect();
    let dispatched = events.iter().zip(&runs).map(|(event, runs)| (event, runs.as_ref().map(|_| now)));
    let rows = events::insert_dispatched(conn, &dispatched.collect::<Vec<_>>())?;
    if runs.iter().any(Option::is_none) {
        let state = Arc::clone(state);
        conn.after_commit(move || state.wake_for_events());
    }
    let happened: HashMap<i64, &NewEvent> = rows.iter().copied().zip(events).collect();
    let runs = rows.into_iter().zip(runs).flat_map(|(row, runs)| {
        let runs = runs.into_iter().flatten();
        runs.map(move |run| NewRun { event: row, ..run })
    });
    begin(conn, state, (runs.collect(), &happened), now)
}

/// Stores `runs`, of these events by their rows, and begins those for which the runner has room.
fn begin(
    conn: &mut Conn,
    state: &Arc<AppState>,
    (runs, events): (Vec<NewRun>, &HashMap<i64, &NewEvent>),
    now: Millis,
) -> Result<()> {
    if runs.is_empty() {
        return Ok(());
    }
    let Some(mut loan) = state.standby.borrow(now) else {
        runs::insert(conn, runs)?;
        let state = Arc::clone(state);
        conn.after_commit(move || state.wake_for_runs());
        return Ok(());
    };
    let count = runs.len();
    let taken = runs::insert_taken(conn, runs, |run| loan.admit(run))?;
    let taken = claimed(conn, taken, events)?;
    let begun = limit::apply(conn, state, taken, now)?.allowed;
    let is_rest = begun.len() < count;
    let state = Arc::clone(state);
    conn.after_commit(move || {
        loan.begin(begun);
        if is_rest {
            state.wake_for_runs();
        }
    });
    Ok(())
}

/// What the runner needs to execute runs that were made just now.
fn claimed(conn: &mut Conn, taken: Vec<(i64, NewRun)>, events: &HashMap<i64, &NewEvent>) -> Result<Vec<Claimed>> {
    if taken.is_empty() {
        return Ok(Vec::new());
    }
    let records: BTreeSet<i64> = taken.iter().map(|(_, run)| run.extension).collect();
    let records = extensions::find_records(conn, records.into_iter().collect())?;
    let claimed = |(id, run): (i64, NewRun)| {
        let event = events.get(&run.event).ok_or_else(|| Error::internal("a run of no event"))?.envelope()?;
        let record = records.get(&run.extension).cloned();
        Ok(Claimed::new(id, run, record, event))
    };
    taken.into_iter().map(claimed).collect()
}

fn heard(event: &NewEvent) -> Heard<'_> {
    Heard {
        row: 0, // It has none yet.
        // Whatever a caller's event is called, no stock moved with it.
        sound: Sound { trigger: &event.trigger, occurred_at: event.occurred_at, movement: None },
        store: event.store.as_ref().map(|store| &*store.document_id),
        target: event.target.clone(),
    }
}
