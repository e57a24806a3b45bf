//! What an attempt leaves behind: the attempt, its run's new state, the record's counters and `meta`, in one transaction.

use std::collections::{BTreeMap, HashSet};

use super::auto_disable;
use super::circuit_breaker::Standings;
use crate::clock::{Millis, Random};
use crate::db::Conn;
use crate::db::attempts;
use crate::db::extension_hours::{self, hour_of};
use crate::db::extensions::{self, CounterChange, DisabledExtension};
use crate::db::runs::{self, RunTransition, State, Uses};
use crate::error::Result;
use crate::runner::execute::finished::{FinishedAttempt, Recording};

/// What recording led to.
#[derive(Default)]
pub struct Recorded {
    /// Whether runs that waited for one of these may be due now.
    pub due: bool,
    /// Whether a lane is held back no longer, or lets more go.
    pub shards: bool,
    /// Whether there are more runs to be let go than one slice.
    pub orphans: bool,
    /// When the first of these runs is due again.
    pub retry_at: Option<Millis>,
    /// Records that were switched off, to be told of.
    pub disabled: Vec<DisabledExtension>,
}

impl Recorded {
    /// Adds what recording others led to.
    pub fn add(&mut self, other: Self) {
        self.due |= other.due;
        self.shards |= other.shards;
        self.orphans |= other.orphans;
        self.retry_at = self.retry_at.into_iter().chain(other.retry_at).min();
        self.disabled.extend(other.disabled);
    }
}

/// Records `finished` in the caller's transaction. Attempts whose run was given to someone else leave nothing behind but
/// what they say of their destination. `any_failing` is whether any destination has failed before, as far as is known.
///
/// Whatever is locked on the way, by any process, is locked in this order: runs, lines, destinations, lanes, records,
/// hourly limits.
pub fn record(
    conn: &mut Conn,
    random: &dyn Random,
    finished: &[FinishedAttempt],
    any_failing: bool,
    now: Millis,
) -> Result<Recorded> {
    if finished.is_empty() {
        return Ok(Recorded::default());
    }
    let mut standings = Standings::find(conn, finished, any_failing)?;
    let transitions: Vec<RunTransition> =
        finished.iter().map(|one| one.transition(standings.decide(one, random))).collect();

    let kept = runs::finish(conn, transitions.iter().cloned())?;
    let kept: HashSet<i64> = kept.into_iter().collect();
    let all = finished.iter().zip(&transitions);
    let (ours, lost): (Vec<_>, Vec<_>) = all.partition(|(one, _)| kept.contains(&one.lease.0));
    for (one, _) in lost {
        log::warn!("attempt {} of run {} ended after its lease; not recorded", one.lease.1, one.lease.0);
    }

    let ended = ours.iter().filter(|(_, transition)| transition.state.is_end());
    let ordering_keys =
        runs::lock_ordering_keys(conn, ended.filter_map(|(one, _)| one.ordering_key.clone()).collect(), true)?;
    let advanced = runs::unblock_next(conn, ordering_keys)? > 0;
    let limited = ours.iter().filter(|(_, transition)| transition.uses == Uses::Limit && !transition.state.is_end());
    let changed = standings.store(conn, limited.map(|(one, _)| one.lease.0).collect(), now)?;

    attempts::insert(conn, ours.iter().filter_map(|(one, _)| one.attempt.clone()))?;
    log_failing(conn, &ours)?;
    extensions::count(conn, &tallies(&ours))?;
    extension_hours::count(conn, by_hour(&ours))?;
    for (one, _) in ours.iter().filter(|(one, _)| !one.meta.is_empty()) {
        extensions::merge_meta(conn, one.extension_id, &one.meta)?;
    }
    Ok(Recorded {
        due: advanced || changed.released || changed.shards,
        shards: changed.shards,
        orphans: changed.more,
        retry_at: transitions
            .iter()
            .filter(|transition| transition.state == State::Retryable)
            .map(|transition| transition.due_at)
            .min(),
        disabled: auto_disable::disable(conn, &ours, now)?,
    })
}

/// Logs the records that begin to fail: once, and not for each of their runs.
fn log_failing(conn: &mut Conn, finished: &[Recording<'_>]) -> Result<()> {
    let failed = finished.iter().filter(|(one, transition)| one.tally(transition.state).failed_at.is_some());
    let reasons: BTreeMap<i64, &str> =
        failed.map(|(one, _)| (one.extension_id, one.reason.as_deref().unwrap_or_default())).collect();
    if reasons.is_empty() {
        return Ok(());
    }
    for (id, key) in extensions::find_not_failing(conn, reasons.keys().copied().collect())? {
        let reason = reasons.get(&id).copied().unwrap_or_default();
        log::warn!("extension record {id} ({key}) begins to fail: {reason}; it is switched off after 5 days of it");
    }
    Ok(())
}

fn tallies(finished: &[Recording<'_>]) -> BTreeMap<i64, CounterChange> {
    let mut tallies: BTreeMap<i64, CounterChange> = BTreeMap::new();
    for (one, transition) in finished {
        let more = one.tally(transition.state);
        if more == CounterChange::default() {
            continue;
        }
        let tally = tallies.entry(one.extension_id).or_default();
        tally.runs += more.runs;
        tally.succeeded_at = tally.succeeded_at.max(more.succeeded_at);
        tally.failed_at = tally.failed_at.or(more.failed_at);
    }
    tallies
}

/// The attempts by record and hour, with what became of their runs.
fn by_hour(finished: &[Recording<'_>]) -> BTreeMap<(i64, i64), extension_hours::HourCounts> {
    let mut tallies: BTreeMap<(i64, i64), extension_hours::HourCounts> = BTreeMap::new();
    for (one, transition) in finished {
        let Some(attempt) = &one.attempt else { continue };
        let tally = tallies.entry((one.extension_id, hour_of(attempt.started_at))).or_default();
        tally.attempts += 1;
        tally.completed += i64::from(transition.state == State::Completed);
        tally.dead += i64::from(transition.state == State::Dead);
    }
    tallies
}
