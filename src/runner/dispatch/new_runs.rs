//! The runs that an event makes, and how they are stored: what all ways to dispatch an event have in common.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::matching::{MatchInput, match_record, movement};
use crate::clock::Millis;
use crate::db::Conn;
use crate::db::events::{Owner, Undispatched};
use crate::db::extensions::Candidate;
use crate::db::runs::{self, NewRun};
use crate::error::Result;
use crate::handler::{Descriptor, Ordering, Policy, Registry, Target, destination};
use crate::ids;
use crate::state::AppState;
use crate::triggers::{Source, find_in_catalogue};

/// How many records one transaction looks at, how many of them for each event that reaches them, and how many runs it
/// makes, for all events together: on SQLite every other write waits for it, some 20 ms at most. An event with more
/// records than that is dispatched in slices.
pub const CANDIDATES: usize = 1024;
pub const LOOKS: usize = 8192;
pub const RUNS: usize = 1024;

/// What a dispatch did.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Dispatched {
    /// Runs that are new.
    pub runs: usize,
    /// Whether more events may be waiting.
    pub more: bool,
    /// Whether another process was dispatching, or changing the lines of these runs: what was left must be looked for.
    pub busy: bool,
    /// Whether none could be dispatched, for a reason that the log tells.
    pub stuck: bool,
}

/// An event with its owners.
pub type Owned = (Undispatched, Vec<Owner>);

/// Stores runs that were made, and returns how many are new.
pub type Store = fn(&mut Conn, Vec<NewRun>, Millis) -> Result<usize>;

/// Stores all of them or none.
pub fn store_all(conn: &mut Conn, runs: Vec<NewRun>, _: Millis) -> Result<usize> {
    runs::insert(conn, runs)
}

/// Stores runs, of which those that must not overtake others wait in their lines. Returns how many are new, and whether
/// another process was changing one of the lines.
pub fn store_in_order(conn: &mut Conn, new: Vec<NewRun>, store: Store, now: Millis) -> Result<(usize, bool)> {
    let ordering_keys: BTreeSet<String> = new.iter().filter_map(|run| run.ordering_key.clone()).collect();
    let runs = store(conn, new, now)?;
    // Without waiting: whoever holds one may wait for something that this transaction has.
    let free = runs::lock_ordering_keys(conn, ordering_keys.iter().cloned().collect(), false)?;
    let busy = free.len() < ordering_keys.len();
    runs::unblock_next(conn, free)?;
    Ok((runs, busy))
}

impl Dispatched {
    /// Adds what another dispatch of the same transaction did.
    pub fn add(&mut self, other: Self) {
        self.runs += other.runs;
        self.more |= other.more;
        self.busy |= other.busy;
    }
}

/// The event with its owners read, none of them twice; one that cannot be read reaches nobody, and must not hold up those
/// behind it.
pub fn owners(event: Undispatched) -> Owned {
    let owners: Vec<Owner> = serde_json::from_str(&event.owners).unwrap_or_else(|error| {
        log::error!("event {} reaches nobody: its owners cannot be read: {error}", event.id);
        Vec::new()
    });
    let mut seen = HashSet::new();
    let owners = owners.into_iter().filter(|owner| seen.insert(owner.clone())).collect();
    (event, owners)
}

pub fn dispatch_event(event: &Undispatched) -> DispatchEvent<'_> {
    let movement = event.stock.as_deref().and_then(movement);
    DispatchEvent {
        row: event.id,
        input: MatchInput { trigger: &event.trigger, occurred_at: event.occurred_at, movement },
        store: event.store.as_deref(),
        target: read_target(&event.target),
    }
}

/// What an event is about. One whose target cannot be read waits for the others of its record.
pub fn read_target(json: &str) -> Target {
    let nothing = || Target { type_name: String::new(), document_id: String::new(), price_id: None };
    serde_json::from_str(json).unwrap_or_else(|_| nothing())
}

/// An event, as far as it decides about its runs.
pub struct DispatchEvent<'a> {
    /// Its row; 0 before it has one.
    pub row: i64,
    pub input: MatchInput<'a>,
    /// The documentId of its store.
    pub store: Option<&'a str>,
    pub target: Target,
}

/// The runs of an event that reaches `owners`, whose records are among `candidates`.
pub fn runs_of(
    state: &AppState,
    event: &DispatchEvent<'_>,
    owners: &[Owner],
    candidates: &HashMap<Owner, Vec<Candidate>>,
    now: Millis,
) -> Vec<NewRun> {
    let mut seen = HashSet::new();
    let mut made = Vec::new();
    for owner in owners.iter().filter(|owner| seen.insert(*owner)) {
        for candidate in candidates.get(owner).into_iter().flatten() {
            let Ok(pattern) = match_record(state, candidate, event.input) else { continue };
            let policy = candidate.config.as_deref().map(Policy::of).unwrap_or_default();
            made.push(NewRun {
                uid: ids::sortable("run", now, &*state.random),
                event: event.row,
                extension: candidate.id,
                key: candidate.key.clone(),
                owner: owner.clone(),
                store: candidate
                    .store
                    .as_ref()
                    .map_or(event.store, |store| Some(&store.document_id))
                    .map(str::to_owned),
                pattern: Some(pattern.to_owned()),
                max_attempts: max_attempts(&state.handlers, &candidate.key, &policy),
                due_at: now,
                destination: destination(&candidate.key, candidate.url.as_deref(), candidate.id),
                ordering_key: ordering_key(
                    &state.handlers,
                    (candidate.id, &candidate.key),
                    &policy,
                    (event.input.trigger, &event.target),
                ),
                replay: None,
                cause: None,
            });
        }
    }
    made
}

/// How many attempts a run of a record with this key has: what its policy says, or its handler.
pub fn max_attempts(handlers: &Registry, key: &str, policy: &Policy) -> u32 {
    let handler = || handlers.find(key).map(|entry| entry.descriptor().max_attempts);
    policy.max_attempts.or_else(handler).unwrap_or_else(|| Descriptor::default().max_attempts)
}

/// The line that a run of this record for an event about `target` stands in, when its policy keeps those for the same
/// target in order, or else its handler.
///
/// What a handler asks for is for what happens to a document: a change of it, or whatever else is about a product, a price or
/// a subscriber. A sale is about its store and has nothing to do with the one before it, which must not hold it up for as
/// long as that is tried: only a policy puts those in a line.
pub fn ordering_key(
    handlers: &Registry,
    (extension, key): (i64, &str),
    policy: &Policy,
    (trigger, target): (&str, &Target),
) -> Option<String> {
    let by_handler = || handlers.find(key).map(|entry| entry.descriptor().ordering);
    if policy.ordering.or_else(by_handler) != Some(Ordering::Target) {
        return None;
    }
    let is_asked_for = policy.ordering.is_some() || target.type_name != "store" || is_change(trigger);
    is_asked_for.then(|| runs::ordering_key_of(extension, &target.document_id, target.price_id))
}

/// Whether a trigger, in its long form, tells of a committed change of content.
fn is_change(trigger: &str) -> bool {
    let entry = find_in_catalogue(trigger.strip_prefix("trigger:").unwrap_or(trigger));
    entry.is_some_and(|entry| entry.source == Source::Change)
}
