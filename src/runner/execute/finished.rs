//! What an attempt begins with and what it leaves: the run as it was taken, and what is to be recorded.

use serde_json::{Map, Value};

use super::retry::{Answer, History, Met, Next};
use crate::clock::Millis;
use crate::db::attempts::NewAttempt;
use crate::db::extensions::Tally;
use crate::db::runs::{Claimed, Held, Move, State};

/// A run to be executed.
#[derive(Debug)]
pub struct Taken {
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
        None if !record.active && !claimed.by_hand => Some("the extension record is switched off"),
        _ => None,
    }
}

/// An attempt that has ended, not yet recorded.
#[derive(Debug, Clone)]
pub struct Finished {
    /// The run, as it was held.
    pub held: Held,
    /// What it met.
    pub answer: Answer,
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
    pub line: Option<String>,
}

impl Finished {
    /// What becomes of the run.
    pub fn step(&self, next: Next) -> Move {
        let because = next.because.map(|because| format!("{}; {because}", self.reason.as_deref().unwrap_or_default()));
        Move {
            held: self.held,
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
    pub fn tally(&self, state: State) -> Tally {
        let fails = match self.answer.met {
            Met::Failed(_) | Met::Refused => true,
            Met::Limit(_) => state == State::Dead,
            Met::Done | Met::HourlyLimit(..) | Met::Nobody | Met::Lost => false,
        };
        Tally {
            runs: self.reached.into(),
            succeeded_at: (self.answer.met == Met::Done).then_some(self.ended_at),
            failed_at: fails.then_some(self.ended_at),
        }
    }
}

/// An attempt with what becomes of its run.
pub type Recording<'a> = (&'a Finished, &'a Move);
