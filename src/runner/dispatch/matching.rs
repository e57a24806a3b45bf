//! Whether an event makes a run for a record: decided here alone, for the dispatcher and for whoever asks why.

use std::collections::HashMap;

use serde::Deserialize;

use crate::clock::Millis;
use crate::content::Catalog;
use crate::db::extensions::Candidate;
use crate::handler::Policy;
use crate::state::AppState;
use crate::triggers::stock::Movement;
use crate::triggers::{Source, find_in_catalogue};

/// What of an event decides who hears it.
#[derive(Debug, Clone, Copy)]
pub struct MatchInput<'a> {
    /// The trigger, in its long form.
    pub trigger: &'a str,
    /// When it happened.
    pub occurred_at: Millis,
    /// The stock that moved. An event of such a name which a caller emitted tells of no stock, and is for all.
    pub movement: Option<Movement>,
}

/// Why an event makes no run for a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoMatch {
    /// It was removed before this happened.
    Removed(Millis),
    /// It is switched off.
    Inactive,
    /// It has no key, as an unfinished draft may.
    NoKey,
    /// None of its patterns matches.
    NoPatternMatches,
    /// The stock did not cross its threshold.
    Threshold(i64),
}

/// The pattern of `candidate` that the event matches, or why there is no run of it.
pub fn match_record<'a>(state: &AppState, candidate: &'a Candidate, input: MatchInput<'_>) -> Result<&'a str, NoMatch> {
    if let Some(removed_at) = candidate.removed_at.filter(|removed_at| !was_there(state.catalog, *removed_at, input)) {
        return Err(NoMatch::Removed(removed_at));
    }
    if !candidate.active {
        return Err(NoMatch::Inactive);
    }
    if candidate.key.is_empty() {
        return Err(NoMatch::NoKey);
    }
    let pattern = state.matchers.matched(&candidate.triggers, input.trigger).ok_or(NoMatch::NoPatternMatches)?;
    let Some(movement) = input.movement else { return Ok(pattern) };
    let threshold = Policy::threshold_of(candidate.config.as_deref());
    if movement.crosses(input.trigger, threshold) { Ok(pattern) } else { Err(NoMatch::Threshold(threshold)) }
}

/// Whether a record that was removed at `removed_at` was there when the event happened. It still hears of the change
/// that removed it, such as the deletion of its document, which happened at the same moment.
fn was_there(catalog: &Catalog, removed_at: Millis, input: MatchInput<'_>) -> bool {
    let is_change = || {
        let short = input.trigger.trim_start_matches("trigger:");
        // Every type of content has this trigger, whether the catalogue describes it or not.
        let is_deletion = short.strip_suffix("_deleted").is_some_and(|of| catalog.find_by_singular(of).is_some());
        is_deletion || find_in_catalogue(short).is_some_and(|entry| entry.source == Source::Change)
    };
    input.occurred_at < removed_at || input.occurred_at == removed_at && is_change()
}

/// What moved, by the changes that an event about a stock tells of: the only one of them.
pub fn movement(changes: &str) -> Option<Movement> {
    #[derive(Deserialize)]
    struct Change {
        from: i64,
        to: i64,
    }
    let changes: HashMap<&str, Change> = serde_json::from_str(changes).ok()?;
    changes.into_values().next().map(|Change { from, to }| Movement { from, to })
}
