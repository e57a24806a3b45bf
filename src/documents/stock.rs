//! The events of stocks that cross a level: the inventory of a price, the quantity of a product.

use std::collections::{BTreeSet, HashMap};

use serde_json::json;

use crate::db::Conn;
use crate::db::events::{NewEvent, Owner};
use crate::db::extensions::{self, Listener};
use crate::error::Result;
use crate::handler::Policy;
use crate::triggers::Matchers;
use crate::triggers::stock::{DEFAULT_THRESHOLD, LOW, Movement, RESTOCKED, ZERO};

/// How many records are looked at one by one for a movement: the write waits for it. Of more, only those are that name a
/// threshold.
const LISTENERS: usize = 2048;

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
    let (listeners, is_cut) = match extensions::find_few_listeners(conn, owners.clone(), LISTENERS)? {
        Some(listeners) => (listeners, false),
        None => (extensions::find_listeners_with(conn, owners, "inventory_threshold", LISTENERS)?, true),
    };
    let mut told = Vec::new();
    for Moved { movement, event } in moved {
        for trigger in [LOW, RESTOCKED] {
            let mut crossed = thresholds(matchers, &listeners, &event, trigger);
            // Among those that were not looked at are some without a threshold of their own.
            crossed.extend(is_cut.then_some(DEFAULT_THRESHOLD));
            crossed.retain(|threshold| movement.crosses(trigger, *threshold));
            if !crossed.is_empty() {
                let payload = Some(json!({ "thresholds": crossed }));
                told.push(NewEvent { trigger: trigger.to_owned(), payload, ..event.clone() });
            }
        }
        if movement.ran_out() {
            told.push(NewEvent { trigger: ZERO.to_owned(), ..event });
        }
    }
    Ok(told)
}

/// The thresholds of the records that `event` reaches and that listen to `trigger`; the default one when none does.
fn thresholds(
    matchers: &Matchers,
    listeners: &HashMap<Owner, Vec<Listener>>,
    event: &NewEvent,
    trigger: &str,
) -> BTreeSet<i64> {
    let reached = event.owners.iter().filter_map(|owner| listeners.get(owner)).flatten();
    let listening = reached
        .filter(|listener| listener.removed_at.is_none() && matchers.matched(&listener.triggers, trigger).is_some());
    let found: BTreeSet<i64> = listening.map(|listener| Policy::threshold_of(listener.config.as_deref())).collect();
    if found.is_empty() { BTreeSet::from([DEFAULT_THRESHOLD]) } else { found }
}
