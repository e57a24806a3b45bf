//! Events that reach too many records for one transaction: a slice of their records has its runs made at a time, and the
//! others' writes go between. How far one is, is noted with the event, in the transaction that makes the runs.
//!
//! An event that reaches the records of one that is under way waits behind it, so that the runs of each record are made in
//! the order of their events; those of other owners pass it.

use std::collections::{HashMap, HashSet};

use super::new_runs::{CANDIDATES, Dispatched, Owned, Store, dispatch_event, owners, runs_of, store_in_order};
use crate::clock::Millis;
use crate::db::Conn;
use crate::db::events::{self, Owner, Slice};
use crate::db::extensions::{self, Candidate};
use crate::error::Result;
use crate::state::AppState;

/// How many of them are looked at for one that waits for no other.
const LOOKED_AT: i64 = 64;

const START: Slice = Slice { owner: 0, after: 0 };

/// An event that is under way, and how far it is.
pub type Sliced = (Owned, Slice);

/// The oldest events that are under way.
pub fn find(conn: &mut Conn) -> Result<Vec<Sliced>> {
    let found = events::in_slices(conn, LOOKED_AT)?;
    Ok(found.into_iter().map(|(event, slice)| (owners(event), slice)).collect())
}

/// Lets those of `waiting` that reach a record of one under way wait behind it. Returns the others.
pub fn queue_behind(conn: &mut Conn, under_way: &[Sliced], waiting: Vec<Owned>) -> Result<Vec<Owned>> {
    let mut taken: HashSet<Owner> = under_way.iter().flat_map(|((_, owners), _)| owners.iter().cloned()).collect();
    let (mut free, mut behind) = (Vec::new(), Vec::new());
    for (event, owners) in waiting {
        if owners.iter().any(|owner| taken.contains(owner)) {
            behind.push(event.id);
            taken.extend(owners);
        } else {
            free.push((event, owners));
        }
    }
    if !behind.is_empty() {
        events::mark_slice(conn, behind, START)?;
    }
    Ok(free)
}

/// Events, and the records of all that they reach.
pub type WithCandidates = (Vec<Owned>, HashMap<Owner, Vec<Candidate>>);

/// Takes from `waiting`, which together reach more records than one transaction looks at, the oldest that do not, with
/// their records. Those that do by themselves are dispatched in slices from now on.
pub fn set_apart(conn: &mut Conn, waiting: Vec<Owned>) -> Result<WithCandidates> {
    let (mut whole, mut candidates, mut count, mut apart) = (Vec::new(), HashMap::new(), 0, Vec::new());
    let mut taken: HashSet<Owner> = HashSet::new();
    for (event, owners) in waiting {
        if owners.iter().any(|owner| taken.contains(owner)) {
            apart.push(event.id);
            taken.extend(owners);
            continue;
        }
        let new: Vec<Owner> = owners.iter().filter(|owner| !candidates.contains_key(*owner)).cloned().collect();
        let found = match new.is_empty() {
            true => Some(HashMap::new()),
            false => extensions::find_few_candidates(conn, new.clone(), CANDIDATES)?,
        };
        match found {
            None => {
                // What it took to see that counts as well.
                count += CANDIDATES;
                apart.push(event.id);
                taken.extend(owners);
            }
            Some(found) => {
                count += found.values().map(Vec::len).sum::<usize>();
                if count > CANDIDATES && !whole.is_empty() {
                    break;
                }
                candidates.extend(new.into_iter().map(|owner| (owner, Vec::new())));
                candidates.extend(found);
                whole.push((event, owners));
            }
        }
        if count >= CANDIDATES {
            break;
        }
    }
    if !apart.is_empty() {
        events::mark_slice(conn, apart, START)?;
    }
    Ok((whole, candidates))
}

/// Makes the runs of the next records of one of the events under way, at most `most`: of one that waits for no other, and
/// which of those is left to chance, so that nobody's crowd keeps another's waiting.
pub fn dispatch(
    conn: &mut Conn,
    state: &AppState,
    under_way: Vec<Sliced>,
    (store, most): (Store, usize),
    now: Millis,
) -> Result<Dispatched> {
    let mut taken: HashSet<Owner> = HashSet::new();
    let mut first: Vec<Sliced> = Vec::new();
    for sliced in under_way {
        let owners = &sliced.0.1;
        let waits = owners.iter().any(|owner| taken.contains(owner));
        taken.extend(owners.iter().cloned());
        if !waits {
            first.push(sliced);
        }
    }
    if first.is_empty() {
        return Ok(Dispatched::default());
    }
    let chosen = usize::try_from(state.random.below(first.len() as u64)).unwrap_or(0);
    let ((event, owners), mut slice) = first.swap_remove(chosen);

    let (mut new, mut looked) = (Vec::new(), 0);
    while let Some(owner) = owners.get(slice.owner) {
        let page = extensions::find_candidates_after(conn, owner, slice.after, most - looked)?;
        let (is_last, last) = (page.len() < most - looked, page.last().map(|candidate| candidate.id));
        looked += page.len();
        let candidates = HashMap::from([(owner.clone(), page)]);
        new.extend(runs_of(state, &dispatch_event(&event), std::slice::from_ref(owner), &candidates, now));
        slice = match (is_last, last) {
            (false, Some(after)) => Slice { after, ..slice },
            _ => Slice { owner: slice.owner + 1, after: 0 },
        };
        if looked >= most {
            break;
        }
    }

    let (runs, busy) = store_in_order(conn, new, store, now)?;
    match slice.owner < owners.len() {
        true => events::mark_slice(conn, vec![event.id], slice)?,
        false => events::mark_dispatched(conn, vec![event.id], now)?,
    }
    Ok(Dispatched { runs, more: true, busy, stuck: false })
}
