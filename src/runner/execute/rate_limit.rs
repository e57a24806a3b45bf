//! Hourly limits: of a handler for each store, and of an extension record by itself. They are counted when a run is
//! taken, in the same transaction, so that several processes keep to them together.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::finished::why_not;
use super::retry::{self, Ending, Health, History, Observation, Past};
use crate::clock::{Millis, iso};
use crate::db::holds::shard_of;
use crate::db::runs::{self, Claimed, PutBack, RecordSetup};
use crate::db::{Conn, hourly_uses};
use crate::error::Result;
use crate::handler::{OnLimit, Policy};
use crate::state::AppState;

/// Runs that were taken, after limits.
#[derive(Debug, Default)]
pub struct Limited {
    /// To be executed.
    pub allowed: Vec<Claimed>,
    /// Whether any was put back.
    pub denied: bool,
    /// Whether another process was changing the lines of runs that were skipped.
    pub busy: bool,
}

/// A limit that a run is under.
pub struct Limit {
    /// What it counts by.
    pub scope: String,
    /// How much an hour.
    pub most: i64,
    /// Whose it is, for people.
    of: String,
}

impl Limit {
    /// That it is used up, for people.
    pub fn reason_text(&self, next_hour: Millis) -> String {
        format!("the limit {}, {} an hour, is used up until {}", self.of, self.most, iso(next_hour))
    }
}

/// Counts `taken`, and puts back those that are beyond a limit: to the next hour, or skipped, as their policy says.
pub fn apply(conn: &mut Conn, state: &AppState, taken: Vec<Claimed>, now: Millis) -> Result<Limited> {
    let of_run = |run: &Claimed| {
        let record = run.record.as_ref().filter(|_| why_not(run).is_none())?;
        Some(limits_of(state, run.extension_id, record, run.store.as_deref()))
    };
    let limits: Vec<Vec<Limit>> = taken.iter().map(|run| of_run(run).unwrap_or_default()).collect();
    let mut wanted: BTreeMap<String, i64> = BTreeMap::new();
    for limit in limits.iter().flatten() {
        *wanted.entry(limit.scope.clone()).or_default() += 1;
    }
    if wanted.is_empty() {
        return Ok(Limited { allowed: taken, ..Limited::default() });
    }
    let total = hourly_uses::add(conn, &wanted, now)?;
    // What was used before, and then counted up for each run that is allowed.
    let mut used: HashMap<&str, i64> =
        wanted.iter().map(|(scope, more)| (&**scope, total.get(scope).copied().unwrap_or(*more) - more)).collect();
    let (mut limited, mut denied) = (Limited::default(), Vec::new());
    for (run, limits) in taken.into_iter().zip(&limits) {
        match limits.iter().find(|limit| used.get(&*limit.scope).is_some_and(|used| *used >= limit.most)) {
            Some(limit) => denied.push((run, limit)),
            None => {
                for limit in limits {
                    used.entry(&limit.scope).and_modify(|used| *used += 1);
                }
                limited.allowed.push(run);
            }
        }
    }
    let unused = wanted.keys().map(|scope| (scope.clone(), used[&**scope] - total.get(scope).copied().unwrap_or(0)));
    hourly_uses::add(conn, &unused.filter(|(_, less)| *less < 0).collect(), now)?;
    limited.denied = !denied.is_empty();
    limited.busy = put_back(conn, state, denied, now)?;
    Ok(limited)
}

/// The limits that runs of a record for this store are under.
pub fn limits_of(state: &AppState, extension_id: i64, record: &RecordSetup, store: Option<&str>) -> Vec<Limit> {
    let handler = state.handlers.find(&record.key).map(|entry| entry.descriptor());
    let of_handler = handler.and_then(|handler| {
        let most = handler.rate_limit_per_hour?.into();
        let scope = hourly_uses::handler_scope(handler.key, store);
        Some(Limit { scope, most, of: format!("of {} for one store", handler.key) })
    });
    let own = Policy::of(record.config.as_deref().unwrap_or_default()).rate_limit_per_hour;
    let of_record = own.map(|most| Limit {
        scope: hourly_uses::record_scope(extension_id),
        most: most.into(),
        of: "of this record".to_owned(),
    });
    of_handler.into_iter().chain(of_record).collect()
}

/// Whether runs of a record with this config that come when a limit is used up are not executed at all.
pub fn skips(config: Option<&str>) -> bool {
    config.map(Policy::of).unwrap_or_default().on_limit == Some(OnLimit::Skip)
}

/// Returns whether lines of skipped runs could not be advanced, because another process has them.
fn put_back(conn: &mut Conn, state: &AppState, denied: Vec<(Claimed, &Limit)>, now: Millis) -> Result<bool> {
    let (_, next_hour) = hourly_uses::hour_bounds(now);
    let mut ordering_keys = BTreeSet::new();
    let back = denied.into_iter().map(|(run, limit)| {
        let skips = skips(run.record.as_ref().and_then(|record| record.config.as_deref()));
        let observation = Observation {
            ending: Ending::HourlyLimit(next_hour, skips),
            health: Health::Unknown,
            shard: shard_of(&run.destination, run.store.as_deref()),
            destination: run.destination,
        };
        let history = History { tries: run.attempt, ..History::default() };
        let next = retry::decide(&observation, Past { run: history, ..Past::default() }, (now, &*state.random)).run;
        let told = limit.reason_text(next_hour);
        let ends = next.state.is_end();
        ordering_keys.extend(run.ordering_key.filter(|_| ends));
        PutBack {
            lease: (run.id, run.attempt),
            state: next.state,
            due_at: if ends { run.due_at } else { next.due_at },
            reason: if ends { told } else { format!("waits: {told}") },
            finished_at: ends.then_some(now),
        }
    });
    let back = back.collect();
    runs::put_back(conn, back)?;
    let free = runs::lock_ordering_keys(conn, ordering_keys.iter().cloned().collect(), false)?;
    let busy = free.len() < ordering_keys.len();
    runs::unblock_next(conn, free)?;
    Ok(busy)
}
