//! What an attempt begins with and what it leaves: the run as it was taken, and what is to be recorded.

use serde_json::{Map, Value};

use super::retry::{Ending, History, Next, Observation};
use crate::clock::Millis;
use crate::db::attempts::NewAttempt;
use crate::db::extensions::CounterChange;
use crate::db::runs::{Claimed, RunLease, RunTransition, State};

/// A run to be executed.
#[derive(Debug)]
pub struct TakenRun {
    /// The run.
    pub run: Claimed,
    /// The destination that it is a probe of.
    pub probe: Option<String>,
}

/// Why a run must not be executed any more, if so.
pub fn why_not(claimed: &Claimed) -> Option<&'static str> {
    let Some(record) = &claimed.record else { return Some("the extension record is gone") };
    match record.removed_at {
        Some(removed_at) if removed_at < claimed.event.occurred_at => {
            Some("the extension record was removed before this happened")
        }
        None if !record.active && !claimed.is_manual => Some("the extension record is switched off"),
        _ => None,
    }
}

/// An attempt that has ended, not yet recorded.
#[derive(Debug, Clone)]
pub struct FinishedAttempt {
    /// The run, as it was held.
    pub lease: RunLease,
    /// What it met.
    pub observation: Observation,
    /// What the run has behind it.
    pub history: History,
    /// When it ended.
    pub ended_at: Millis,
    /// Why it did not do what it was for, for people.
    pub reason: Option<String>,
    /// The extension record.
    pub extension_id: i64,
    /// The attempt; none when the run was cancelled before it.
    pub attempt: Option<NewAttempt>,
    /// Whether it reached the handler.
    pub reached: bool,
    /// What it merges into the record's `meta`.
    pub meta: Map<String, Value>,
    /// Whether the record is switched off.
    pub switch_off: bool,
    /// The destination that it was a probe of.
    pub probe: Option<String>,
    /// What the run has in common with runs that must not overtake it.
    pub ordering_key: Option<String>,
}

impl FinishedAttempt {
    /// What becomes of the run.
    pub fn transition(&self, next: Next) -> RunTransition {
        let because = next.because.map(|because| format!("{}; {because}", self.reason.as_deref().unwrap_or_default()));
        RunTransition {
            lease: self.lease,
            state: next.state,
            due_at: next.due_at,
            reason: because.or_else(|| self.reason.clone()),
            finished_at: next.state.is_end().then_some(self.ended_at),
            uses: next.uses,
            not_before: next.not_before,
            limited_since: next.limited_since,
        }
    }

    /// What it adds to its record's counters, when its run is in this state now. A limit is no failure of the record, as
    /// long as its run is tried again.
    pub fn tally(&self, state: State) -> CounterChange {
        let fails = match self.observation.ending {
            Ending::Failed(_) | Ending::Refused => true,
            Ending::Limit(_) => state == State::Dead,
            Ending::Done | Ending::HourlyLimit(..) | Ending::Nobody | Ending::Lost => false,
        };
        CounterChange {
            runs: self.reached.into(),
            succeeded_at: (self.observation.ending == Ending::Done).then_some(self.ended_at),
            failed_at: fails.then_some(self.ended_at),
        }
    }
}

/// An attempt with what becomes of its run.
pub type Recording<'a> = (&'a FinishedAttempt, &'a RunTransition);
