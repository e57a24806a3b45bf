//! The events of stocks that cross a level: the inventory of a price, the quantity of a product.

use std::collections::{BTreeSet, HashMap};

use serde_json::json;

use crate::db::Conn;
use crate::db::events::{NewEvent, Owner};
use crate::db::extensions::{self, Candidate};
use crate::error::Result;
use crate::handler::Policy;
use crate::triggers::Matchers;
use crate::triggers::stock::{DEFAULT_THRESHOLD, LOW, Movement, RESTOCKED, ZERO};

/// How many records are looked at one by one for a movement: the write waits for it. Of more, only those are that name a
/// threshold.
const CANDIDATES: usize = 2048;

/// A stock that moved, with all that its events say but the trigger.
pub(super) struct Moved {
    pub movement: Movement,
    pub event: NewEvent,
}

/// The events of `moved`: each trigger once for a movement, however many records listen with thresholds of their own.
/// The dispatcher gives it to those whose threshold was crossed.
///
/// Costs a statement when something moved, and none otherwise.
pub(super) fn events(conn: &mut Conn, matchers: &Matchers, moved: Vec<Moved>) -> Result<Vec<NewEvent>> {
    if moved.is_empty() {
        return Ok(Vec::new());
    }
    let owners: BTreeSet<Owner> = moved.iter().flat_map(|moved| moved.event.owners.iter().cloned()).collect();
    let owners: Vec<Owner> = owners.into_iter().collect();
    let (candidates, is_cut) = match extensions::find_few_candidates(conn, owners.clone(), CANDIDATES)? {
        Some(candidates) => (candidates, false),
        None => (extensions::find_listeners_with(conn, owners, "inventory_threshold", CANDIDATES)?, true),
    };
    let listening = [LOW, RESTOCKED].map(|trigger| (trigger, thresholds(matchers, &candidates, trigger)));
    let mut told = Vec::new();
    for Moved { movement, event } in moved {
        for (trigger, thresholds) in &listening {
            let crossed = crossed(movement, trigger, (&event, thresholds), is_cut);
            if !crossed.is_empty() {
                let payload = Some(json!({ "thresholds": crossed }));
                told.push(NewEvent { trigger: (*trigger).to_owned(), payload, ..event.clone() });
            }
        }
        if movement.ran_out() {
            told.push(NewEvent { trigger: ZERO.to_owned(), ..event });
        }
    }
    Ok(told)
}

/// The thresholds of the records that listen to `trigger`, by what holds them: found once, however many stocks moved.
fn thresholds<'a>(
    matchers: &Matchers,
    candidates: &'a HashMap<Owner, Vec<Candidate>>,
    trigger: &str,
) -> HashMap<&'a Owner, BTreeSet<i64>> {
    let listens = |candidate: &&Candidate| {
        candidate.removed_at.is_none() && matchers.matched(&candidate.triggers, trigger).is_some()
    };
    let of_owner = |(owner, candidates): (&'a Owner, &'a Vec<Candidate>)| {
        let thresholds = candidates.iter().filter(listens);
        let thresholds: BTreeSet<i64> =
            thresholds.map(|candidate| Policy::threshold_of(candidate.config.as_deref())).collect();
        (!thresholds.is_empty()).then_some((owner, thresholds))
    };
    candidates.iter().filter_map(of_owner).collect()
}

/// Which thresholds of the records that `event` reaches its stock has crossed; the default one counts when no record listens,
/// and when not all were looked at: among the others are some without a threshold of their own.
fn crossed(
    movement: Movement,
    trigger: &str,
    (event, thresholds): (&NewEvent, &HashMap<&Owner, BTreeSet<i64>>),
    is_cut: bool,
) -> BTreeSet<i64> {
    let mut candidate = event.owners.iter().filter_map(|owner| thresholds.get(owner)).peekable();
    let default = (is_cut || candidate.peek().is_none()).then_some(&DEFAULT_THRESHOLD);
    candidate.flatten().chain(default).copied().filter(|threshold| movement.crosses(trigger, *threshold)).collect()
}
