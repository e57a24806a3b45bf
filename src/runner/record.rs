//! What an attempt leaves behind: the attempt, its run's new state, the record's counters and `meta`, in one transaction.

use std::collections::{BTreeMap, HashSet};

use serde_json::{Map, Value};

use super::breaker::{self, Health};
use super::disable;
use crate::clock::Millis;
use crate::db::Conn;
use crate::db::attempts::{self, NewAttempt};
use crate::db::extensions::{self, Disabled, Tally};
use crate::db::hours::{self, hour_of};
use crate::db::runs::{self, Move, State};
use crate::error::Result;

/// An attempt that has ended, not yet recorded.
#[derive(Debug, Clone)]
pub(super) struct Finished {
    /// What becomes of the run.
    pub(super) step: Move,
    /// The extension record.
    pub(super) extension_id: i64,
    /// The attempt; none when the run was cancelled before it.
    pub(super) attempt: Option<NewAttempt>,
    /// What it adds to the record's counters.
    pub(super) tally: Tally,
    /// What it merges into the record's `meta`.
    pub(super) meta: Map<String, Value>,
    /// Whether the record is switched off.
    pub(super) switch_off: bool,
    /// Where it went, and what that says of it.
    pub(super) health: Option<(String, Health)>,
    /// The destination that it was a probe of.
    pub(super) probe: Option<String>,
    /// What the run has in common with runs that must not overtake it.
    pub(super) line: Option<String>,
}

impl Finished {
    /// Whether its destination did not answer as it should.
    pub(super) fn is_failure(&self) -> bool {
        matches!(self.health, Some((_, Health::Failing)))
    }
}

/// What recording led to.
#[derive(Default)]
pub(super) struct Recorded {
    /// Whether runs that waited for one of these may be due now.
    pub(super) due: bool,
    /// Records that were switched off, to be told of.
    pub(super) disabled: Vec<Disabled>,
}

/// Records `finished` in the caller's transaction. Attempts whose run was given to someone else leave nothing behind.
/// `troubled` is whether any destination has failed before, as far as is known.
///
/// Whatever is locked on the way, by any process, is locked in this order: runs, lines, destinations, records,
/// hourly limits.
pub(super) fn record(conn: &mut Conn, finished: &[Finished], troubled: bool, now: Millis) -> Result<Recorded> {
    if finished.is_empty() {
        return Ok(Recorded::default());
    }
    let kept = runs::finish(conn, finished.iter().map(|one| one.step.clone()))?;
    let kept: HashSet<i64> = kept.into_iter().collect();
    let (ours, lost): (Vec<_>, Vec<_>) = finished.iter().partition(|one| kept.contains(&one.step.held.0));
    for one in lost {
        log::warn!("attempt {} of run {} ended after its lease; not recorded", one.step.held.1, one.step.held.0);
    }
    let ended = ours.iter().filter(|one| one.step.finished_at.is_some());
    let lines = runs::lock_lines(conn, ended.filter_map(|one| one.line.clone()).collect(), true)?;
    let advanced = runs::advance(conn, lines)? > 0;
    let released = breaker::judge(conn, &ours, troubled, now)?;
    attempts::insert(conn, ours.iter().filter_map(|one| one.attempt.clone()))?;
    extensions::count(conn, &tallies(&ours))?;
    hours::count(conn, by_hour(&ours))?;
    for one in ours.iter().filter(|one| !one.meta.is_empty()) {
        extensions::merge_meta(conn, one.extension_id, &one.meta)?;
    }
    Ok(Recorded { due: advanced || released, disabled: disable::disable(conn, &ours, now)? })
}

fn tallies(finished: &[&Finished]) -> BTreeMap<i64, Tally> {
    let mut tallies: BTreeMap<i64, Tally> = BTreeMap::new();
    for one in finished.iter().filter(|one| one.tally != Tally::default()) {
        let tally = tallies.entry(one.extension_id).or_default();
        tally.runs += one.tally.runs;
        tally.succeeded_at = tally.succeeded_at.max(one.tally.succeeded_at);
        tally.failed_at = tally.failed_at.or(one.tally.failed_at);
    }
    tallies
}

/// The attempts by record and hour, with what became of their runs.
fn by_hour(finished: &[&Finished]) -> BTreeMap<(i64, i64), hours::Tally> {
    let mut tallies: BTreeMap<(i64, i64), hours::Tally> = BTreeMap::new();
    for one in finished {
        let Some(attempt) = &one.attempt else { continue };
        let tally = tallies.entry((one.extension_id, hour_of(attempt.started_at))).or_default();
        tally.attempts += 1;
        tally.completed += i64::from(one.step.state == State::Completed);
        tally.dead += i64::from(one.step.state == State::Dead);
    }
    tallies
}
