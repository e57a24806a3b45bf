//! What an attempt leaves behind: the attempt, its run's new state, the record's counters and `meta`, in one transaction.

use std::collections::{BTreeMap, HashSet};

use super::auto_disable;
use super::circuit_breaker::Standings;
use crate::clock::{Millis, Random};
use crate::db::Conn;
use crate::db::attempts;
use crate::db::extension_hours::{self, hour_of};
use crate::db::extensions::{self, Disabled, Tally};
use crate::db::runs::{self, Move, State, Uses};
use crate::error::Result;
use crate::runner::execute::finished::{Finished, Recording};

/// What recording led to.
#[derive(Default)]
pub struct Recorded {
    /// Whether runs that waited for one of these may be due now.
    pub due: bool,
    /// Whether a lane is held back no longer, or lets more go.
    pub lanes: bool,
    /// Whether there are more runs to be let go than one slice.
    pub strays: bool,
    /// When the first of these runs is due again.
    pub retry_at: Option<Millis>,
    /// Records that were switched off, to be told of.
    pub disabled: Vec<Disabled>,
}

impl Recorded {
    /// Adds what recording others led to.
    pub fn add(&mut self, other: Self) {
        self.due |= other.due;
        self.lanes |= other.lanes;
        self.strays |= other.strays;
        self.retry_at = self.retry_at.into_iter().chain(other.retry_at).min();
        self.disabled.extend(other.disabled);
    }
}

/// Records `finished` in the caller's transaction. Attempts whose run was given to someone else leave nothing behind but
/// what they say of their destination. `troubled` is whether any destination has failed before, as far as is known.
///
/// Whatever is locked on the way, by any process, is locked in this order: runs, lines, destinations, lanes, records,
/// hourly limits.
pub fn record(
    conn: &mut Conn,
    random: &dyn Random,
    finished: &[Finished],
    troubled: bool,
    now: Millis,
) -> Result<Recorded> {
    if finished.is_empty() {
        return Ok(Recorded::default());
    }
    let mut standings = Standings::find(conn, finished, troubled)?;
    let steps: Vec<Move> = finished.iter().map(|one| one.step(standings.decide(one, random))).collect();

    let kept = runs::finish(conn, steps.iter().cloned())?;
    let kept: HashSet<i64> = kept.into_iter().collect();
    let all = finished.iter().zip(&steps);
    let (ours, lost): (Vec<_>, Vec<_>) = all.partition(|(one, _)| kept.contains(&one.held.0));
    for (one, _) in lost {
        log::warn!("attempt {} of run {} ended after its lease; not recorded", one.held.1, one.held.0);
    }

    let ended = ours.iter().filter(|(_, step)| step.state.is_end());
    let lines = runs::lock_lines(conn, ended.filter_map(|(one, _)| one.line.clone()).collect(), true)?;
    let advanced = runs::advance(conn, lines)? > 0;
    let limited = ours.iter().filter(|(_, step)| step.uses == Uses::Limit && !step.state.is_end());
    let changed = standings.store(conn, limited.map(|(one, _)| one.held.0).collect(), now)?;

    attempts::insert(conn, ours.iter().filter_map(|(one, _)| one.attempt.clone()))?;
    tell_of_failing(conn, &ours)?;
    extensions::count(conn, &tallies(&ours))?;
    extension_hours::count(conn, by_hour(&ours))?;
    for (one, _) in ours.iter().filter(|(one, _)| !one.meta.is_empty()) {
        extensions::merge_meta(conn, one.extension_id, &one.meta)?;
    }
    Ok(Recorded {
        due: advanced || changed.released || changed.lanes,
        lanes: changed.lanes,
        strays: changed.more,
        retry_at: steps.iter().filter(|step| step.state == State::Retryable).map(|step| step.due_at).min(),
        disabled: auto_disable::disable(conn, &ours, now)?,
    })
}

/// Logs the records that begin to fail: once, and not for each of their runs.
fn tell_of_failing(conn: &mut Conn, finished: &[Recording<'_>]) -> Result<()> {
    let failed = finished.iter().filter(|(one, step)| one.tally(step.state).failed_at.is_some());
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

fn tallies(finished: &[Recording<'_>]) -> BTreeMap<i64, Tally> {
    let mut tallies: BTreeMap<i64, Tally> = BTreeMap::new();
    for (one, step) in finished {
        let more = one.tally(step.state);
        if more == Tally::default() {
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
fn by_hour(finished: &[Recording<'_>]) -> BTreeMap<(i64, i64), extension_hours::Tally> {
    let mut tallies: BTreeMap<(i64, i64), extension_hours::Tally> = BTreeMap::new();
    for (one, step) in finished {
        let Some(attempt) = &one.attempt else { continue };
        let tally = tallies.entry((one.extension_id, hour_of(attempt.started_at))).or_default();
        tally.attempts += 1;
        tally.completed += i64::from(step.state == State::Completed);
        tally.dead += i64::from(step.state == State::Dead);
    }
    tallies
}
