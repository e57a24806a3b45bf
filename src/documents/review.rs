//! What is wrong with an extension record as it is stored: what keeps it from being executed, what is not as it is meant,
//! and what only may be a mistake.

use serde_json::Value;

use super::setup::{check_setup, unknown_members};
use crate::db::extensions::CandidateWithSetup;
use crate::db::runs::RecordSetup;
use crate::handler::{ConfigError, Policy, SetupErrors};
use crate::nesting;
use crate::query::Warning;
use crate::state::AppState;
use crate::triggers::{MOST_PATTERNS, check_pattern, likely_names, why_never};

/// How many patterns of a record are compared with the names that Tenon knows.
const COMPARED: usize = 10;

/// What is wrong with a record.
#[derive(Debug)]
pub struct Review {
    /// Why it cannot be executed.
    pub stops: Option<SetupErrors>,
    /// What of its policy and its patterns is not as it is meant, though it is executed.
    pub amiss: Vec<Warning>,
    /// Names that nothing knows, and what they may be meant for.
    pub doubts: Vec<Warning>,
}

impl Review {
    /// Looks at a record.
    pub fn of(state: &AppState, found: &CandidateWithSetup) -> Self {
        let CandidateWithSetup { candidate, record, .. } = found;
        Self {
            stops: check_setup(state, candidate.id, record).err(),
            amiss: find_amiss(state, record, &candidate.triggers),
            doubts: find_doubts(state, candidate.id, record, &candidate.triggers),
        }
    }

    /// What the record is refused for where it comes alone, in which `counts` says which of its members are looked at.
    pub(super) fn refused(&self, counts: impl Fn(&str) -> bool) -> Vec<Warning> {
        let all = self.stopping().chain(self.amiss.iter().cloned());
        all.filter(|one| one.path.first().is_some_and(|member| counts(member))).collect()
    }

    /// All of it, as warnings.
    pub(super) fn into_warnings(self) -> Vec<Warning> {
        let stopping: Vec<Warning> = self.stopping().collect();
        stopping.into_iter().chain(self.amiss).chain(self.doubts).collect()
    }

    fn stopping(&self) -> impl Iterator<Item = Warning> {
        let setup_errors = self.stops.iter().flat_map(SetupErrors::iter);
        setup_errors.map(|setup_error| Warning { message: setup_error.reason(), path: setup_error.path.clone() })
    }
}

/// What of a record's policy and patterns is not as it is meant.
pub fn find_amiss(state: &AppState, record: &RecordSetup, patterns: &[String]) -> Vec<Warning> {
    // A config that is no JSON keeps the record from being executed, which is told then.
    let config: Value = record.config.as_deref().and_then(|text| nesting::read(text).ok()).unwrap_or_default();
    let too_long = state.handlers.find(&record.key).map(|entry| entry.too_long(&config)).unwrap_or_default();
    let of_config = too_long.into_iter().chain(Policy::config_errors(&config, state.clock.now()));
    let of_config = of_config.map(|ConfigError { path, message }| {
        let path = ["config".to_owned(), path];
        Warning { message: format!("{}: {message}", path.join(".")), path: path.to_vec() }
    });
    let of_patterns = patterns.iter().take(MOST_PATTERNS).enumerate().filter_map(|(place, pattern)| {
        let why = check_pattern(pattern).err().or_else(|| why_never(pattern))?;
        let message = format!("triggers[{place}]: {pattern:?} matches no trigger: {why}");
        Some(Warning { path: vec!["triggers".to_owned(), place.to_string()], message })
    });
    let too_many = (patterns.len() > MOST_PATTERNS).then(|| Warning {
        path: vec!["triggers".to_owned()],
        message: format!(
            "triggers: a record has at most {MOST_PATTERNS} patterns; of these {} only the first are looked at",
            patterns.len()
        ),
    });
    of_config.chain(of_patterns).chain(too_many).collect()
}

/// Members that the handler does not know, and triggers that nobody may ever emit.
fn find_doubts(state: &AppState, id: i64, record: &RecordSetup, patterns: &[String]) -> Vec<Warning> {
    let of_members = unknown_members(state, id, record).into_iter().map(|(path, near)| {
        let meant = if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(" or ")) };
        Warning { message: format!("{}: {} does not know this{meant}", path.join("."), record.key), path }
    });
    let of_patterns = patterns.iter().take(COMPARED).enumerate().filter_map(|(place, pattern)| {
        let near = likely_names(pattern);
        let message = format!(
            "triggers[{place}]: no trigger that Tenon knows matches {pattern:?}; unless it is one of your own, did you mean {}?",
            near.join(" or ")
        );
        (!near.is_empty()).then(|| Warning { path: vec!["triggers".to_owned(), place.to_string()], message })
    });
    of_members.chain(of_patterns).collect()
}
