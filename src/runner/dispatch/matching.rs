//! Whether an event makes a run for a record: decided here alone, for the dispatcher and for whoever asks why.

use std::collections::HashMap;

use serde::Deserialize;

use crate::clock::Millis;
use crate::content::Catalog;
use crate::db::extensions::Listener;
use crate::handler::Policy;
use crate::state::AppState;
use crate::triggers::stock::Movement;
use crate::triggers::{Source, find_in_catalogue};

/// What of an event decides who hears it.
#[derive(Debug, Clone, Copy)]
pub struct Sound<'a> {
    /// The trigger, in its long form.
    pub trigger: &'a str,
    /// When it happened.
    pub occurred_at: Millis,
    /// The stock that moved. An event of such a name which a caller emitted tells of no stock, and is for all.
    pub movement: Option<Movement>,
}

/// Why an event makes no run for a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deaf {
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

/// The pattern of `listener` that the event matches, or why there is no run of it.
pub fn hears<'a>(state: &AppState, listener: &'a Listener, sound: Sound<'_>) -> Result<&'a str, Deaf> {
    if let Some(removed_at) = listener.removed_at.filter(|removed_at| !was_there(state.catalog, *removed_at, sound)) {
        return Err(Deaf::Removed(removed_at));
    }
    if !listener.active {
        return Err(Deaf::Inactive);
    }
    if listener.key.is_empty() {
        return Err(Deaf::NoKey);
    }
    let pattern = state.matchers.matched(&listener.triggers, sound.trigger).ok_or(Deaf::NoPatternMatches)?;
    let Some(movement) = sound.movement else { return Ok(pattern) };
    let threshold = Policy::threshold_of(listener.config.as_deref());
    if movement.crosses(sound.trigger, threshold) { Ok(pattern) } else { Err(Deaf::Threshold(threshold)) }
}

/// Whether a record that was removed at `removed_at` was there when the event happened. It still hears of the change
/// that removed it, such as the deletion of its document, which happened at the same moment.
fn was_there(catalog: &Catalog, removed_at: Millis, sound: Sound<'_>) -> bool {
    let is_change = || {
        let short = sound.trigger.trim_start_matches("trigger:");
        // Every type of content has this trigger, whether the catalogue describes it or not.
        let is_deletion = short.strip_suffix("_deleted").is_some_and(|of| catalog.find_by_singular(of).is_some());
        is_deletion || find_in_catalogue(short).is_some_and(|entry| entry.source == Source::Change)
    };
    sound.occurred_at < removed_at || sound.occurred_at == removed_at && is_change()
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
