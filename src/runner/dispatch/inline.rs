//! Events whose runs are made with the commit that stores them, and begun if the runner has lent its room. What is left is
//! for the runner's next turn.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::matching::MatchInput;
use super::new_runs::{CANDIDATES, DispatchEvent, LOOKS, RUNS, runs_of};
use crate::clock::Millis;
use crate::db::Conn;
use crate::db::events::{self, NewEvent, Owner, StoreRef};
use crate::db::extensions::{self, Candidate};
use crate::db::runs::{self, Claimed, NewRun};
use crate::error::{Error, Result};
use crate::handler::Event;
use crate::queue::wake::Work;
use crate::runner::execute::rate_limit;
use crate::state::AppState;

/// Stores the events of callers. Their runs are made with them, unless they are more than one commit makes, since whoever
/// emits waits for it, or must stand in a line, which runs join in the order of their events. The runner is woken after
/// the commit.
///
/// Fails as [`events::insert`] does.
pub fn store(conn: &mut Conn, state: &Arc<AppState>, events: &[NewEvent], now: Millis) -> Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let owners: HashSet<Owner> = events.iter().flat_map(|event| event.owners.iter().cloned()).collect();
    let candidates = extensions::find_few_candidates(conn, owners.into_iter().collect(), CANDIDATES)?;
    let runs = match &candidates {
        Some(candidates) => inline_runs(state, events, candidates, now),
        None => events.iter().map(|_| None).collect(),
    };
    let dispatched = events.iter().zip(&runs).map(|(event, runs)| (event, runs.as_ref().map(|_| now)));
    let rows = events::insert_rows(conn, &dispatched.collect::<Vec<_>>())?;
    if runs.iter().any(Option::is_none) {
        let state = Arc::clone(state);
        conn.after_commit(move || state.wake_runner(Work::Events));
    }
    let happened = Happened {
        events: rows.iter().copied().zip(events).collect(),
        stores: candidates
            .iter()
            .flat_map(HashMap::values)
            .flatten()
            .filter_map(|one| Some((one.id, one.store.clone()?)))
            .collect(),
    };
    let in_row = |(row, runs): (i64, Option<Vec<NewRun>>)| {
        let runs = runs.into_iter().flatten();
        runs.map(move |run| NewRun { event: row, ..run })
    };
    store_runs(conn, state, rows.into_iter().zip(runs).flat_map(in_row).collect(), &happened, now)
}

/// Stores the events of callers and leaves their runs to the runner, which is woken after the commit. Fails as
/// [`events::insert`] does.
pub fn store_for_later(conn: &mut Conn, state: &Arc<AppState>, events: &[NewEvent]) -> Result<()> {
    let state = Arc::clone(state);
    conn.after_commit(move || state.wake_runner(Work::Events));
    events::insert(conn, events)
}

/// The runs of each event, still without its row; `None` where they are left to the runner.
fn inline_runs(
    state: &AppState,
    events: &[NewEvent],
    candidates: &HashMap<Owner, Vec<Candidate>>,
    now: Millis,
) -> Vec<Option<Vec<NewRun>>> {
    let (mut looks, mut made) = (0, 0);
    let mut all = Vec::with_capacity(events.len());
    for event in events {
        looks += event.owners.iter().filter_map(|owner| candidates.get(owner)).map(Vec::len).sum::<usize>();
        let runs = (looks <= LOOKS && made < RUNS)
            .then(|| runs_of(state, &dispatch_event(event), &event.owners, candidates, now));
        let runs = runs.filter(|runs| made + runs.len() <= RUNS && runs.iter().all(|run| run.ordering_key.is_none()));
        made += runs.as_ref().map_or(0, Vec::len);
        all.push(runs);
    }
    all
}

fn dispatch_event(event: &NewEvent) -> DispatchEvent<'_> {
    DispatchEvent {
        row: 0,
        // Whatever a caller's event is called, no stock moved with it.
        input: MatchInput { trigger: &event.trigger, occurred_at: event.occurred_at, movement: None },
        store: event.store.as_ref().map(|store| &*store.document_id),
        target: event.target.clone(),
    }
}

/// Stores `runs`, of these events by their rows, and begins those for which the runner has room.
fn store_runs(
    conn: &mut Conn,
    state: &Arc<AppState>,
    runs: Vec<NewRun>,
    happened: &Happened<'_>,
    now: Millis,
) -> Result<()> {
    if runs.is_empty() {
        return Ok(());
    }
    let shared = Arc::clone(state);
    let Some(mut handoff) =
        state.queue.handoff.take(now, |permits| runs.iter().any(|run| permits.would_allow_run(run)))
    else {
        runs::insert(conn, runs)?;
        conn.after_commit(move || shared.wake_runner(Work::Runs));
        return Ok(());
    };
    let count = runs.len();
    let taken = runs::insert_taken(conn, runs, |run| handoff.try_acquire(run))?;
    let taken = claimed(conn, taken, happened)?;
    let begun = rate_limit::apply(conn, state, taken, now)?.allowed;
    conn.after_commit(move || {
        if begun.len() < count {
            shared.wake_runner(Work::Runs);
        }
        handoff.complete(begun);
    });
    Ok(())
}

/// What runs that are made just now are about.
struct Happened<'a> {
    /// The events by their rows.
    events: HashMap<i64, &'a NewEvent>,
    /// The stores that hold extension records, by record.
    stores: HashMap<i64, StoreRef>,
}

impl Happened<'_> {
    /// The event of this row as the handler of `extension` is told of it: with the store through which that is reached.
    fn envelope(&self, row: i64, extension: i64) -> Result<Event> {
        let event = self.events.get(&row).ok_or_else(|| Error::internal("a run of no event"))?;
        let mut envelope = event.envelope()?;
        if let Some(store) = self.stores.get(&extension) {
            envelope.store = Some(store.clone());
        }
        Ok(envelope)
    }
}

/// What the runner needs to execute runs that were made just now.
fn claimed(conn: &mut Conn, taken: Vec<(i64, NewRun)>, happened: &Happened<'_>) -> Result<Vec<Claimed>> {
    if taken.is_empty() {
        return Ok(Vec::new());
    }
    let records: BTreeSet<i64> = taken.iter().map(|(_, run)| run.extension).collect();
    let records = extensions::find_records(conn, records.into_iter().collect())?;
    // One for all records of a store.
    let mut envelopes: HashMap<(i64, Option<String>), Arc<Event>> = HashMap::new();
    let mut all = Vec::with_capacity(taken.len());
    for (id, run) in taken {
        let event = match envelopes.entry((run.event, run.store.clone())) {
            Entry::Occupied(known) => Arc::clone(known.get()),
            Entry::Vacant(new) => Arc::clone(new.insert(Arc::new(happened.envelope(run.event, run.extension)?))),
        };
        let record = records.get(&run.extension).cloned();
        all.push(Claimed::new(id, run, record, event));
    }
    Ok(all)
}
