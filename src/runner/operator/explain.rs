//! Why an event runs what it runs: each record that it reaches, and whether it fires, decided by the dispatcher's and the
//! worker's own code.

use std::collections::HashMap;

use super::delays::{Delay, find_delays};
use crate::clock::{Millis, iso};
use crate::db::Conn;
use crate::db::documents::{EventRecipients, event_recipients};
use crate::db::events::{self, FoundEvent, Owner};
use crate::db::extensions::{self, CandidateWithSetup};
use crate::db::runs::{self, FoundRun, RunFilter, State};
use crate::documents::{OwnerPath, check_setup, find_amiss, get_owner};
use crate::error::{Error, Result};
use crate::handler::{SetupErrorKind, destination};
use crate::query::Warning;
use crate::runner::dispatch::matching::{MatchInput, NoMatch, match_record, movement};
use crate::state::AppState;
use crate::suggest::suggest;
use crate::triggers::Name;
use crate::triggers::stock::Movement;

/// How many runs of an event are looked at, the newest first: replays by hand are the only way to have more.
const RUNS: i64 = 10_000;
/// How many patterns of a record are compared with a trigger that none of them matches.
const PATTERNS: usize = 200;

/// What is to be explained.
#[derive(Debug, Clone)]
pub enum Question {
    /// What would run if this happened now to the document, or to the price of it.
    Would {
        /// What happens.
        trigger: Name,
        /// Which stock moves, where that is what happens.
        movement: Option<Movement>,
    },
    /// What the event with this id ran.
    Did(String),
}

/// The answer: one explanation for each record that the event reaches, in the order in which they are reached.
#[derive(Debug)]
pub struct Explained {
    /// The event that was asked for.
    pub event: Option<FoundEvent>,
    /// Its trigger, in the long form.
    pub trigger: String,
    /// The records.
    pub records: Vec<Explanation>,
}

/// What becomes of an event at one record.
#[derive(Debug)]
pub struct Explanation {
    /// The record's id.
    pub extension: i64,
    /// Its key; empty when it has none.
    pub key: String,
    /// What holds it, with the documentId of that.
    pub owner: (String, i64, Option<String>),
    /// Where its handler would call: the host of its url, with the port if that has one; else its key.
    pub destination: String,
    /// The pattern that matches.
    pub pattern: Option<String>,
    /// Why it does not fire; none when it does.
    pub reason: Option<Reason>,
    /// Why it fires later than at once.
    pub delays: Vec<Delay>,
    /// The latest run that the event made of it.
    pub run: Option<FoundRun>,
    /// What of its policy and its patterns is not as it is meant, whether it fires or not.
    pub warnings: Vec<Warning>,
}

/// Why a record does not fire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// Of which kind.
    pub because: Because,
    /// Where in the record, if it stands in one place.
    pub path: Vec<String>,
    /// The rest, for people.
    pub message: String,
    /// What may have been meant instead: patterns, or keys.
    pub suggestions: Vec<String>,
}

/// The kinds of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Because {
    /// It is switched off.
    Inactive,
    /// It was removed before the event.
    Removed,
    /// None of its patterns matches.
    NoPatternMatches,
    /// The stock did not cross its threshold.
    Threshold,
    /// No handler answers to its key.
    UnknownKey,
    /// The handler needs a url.
    MissingUrl,
    /// Requests must not go to its url.
    BadUrl,
    /// The handler cannot use its config.
    BadConfig,
    /// The handler cannot use its credentials, or they cannot be opened.
    BadCredentials,
    /// Its hour is full, and its policy is to skip what is above the limit.
    Limit,
    /// The event made no run, although it would now: the record was added, or changed, after that.
    ChangedSince,
}

impl Because {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::Inactive,
        Self::Removed,
        Self::NoPatternMatches,
        Self::Threshold,
        Self::UnknownKey,
        Self::MissingUrl,
        Self::BadUrl,
        Self::BadConfig,
        Self::BadCredentials,
        Self::Limit,
        Self::ChangedSince,
    ];

    /// Its name on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Removed => "removed",
            Self::NoPatternMatches => "no_pattern_matches",
            Self::Threshold => "threshold",
            Self::UnknownKey => "unknown_key",
            Self::MissingUrl => "missing_url",
            Self::BadUrl => "bad_url",
            Self::BadConfig => "bad_config",
            Self::BadCredentials => "bad_credentials",
            Self::Limit => "limit",
            Self::ChangedSince => "changed_since",
        }
    }
}

impl From<SetupErrorKind> for Because {
    fn from(kind: SetupErrorKind) -> Self {
        match kind {
            SetupErrorKind::UnknownKey => Self::UnknownKey,
            SetupErrorKind::MissingUrl => Self::MissingUrl,
            SetupErrorKind::BadUrl => Self::BadUrl,
            SetupErrorKind::BadConfig => Self::BadConfig,
            SetupErrorKind::BadCredentials => Self::BadCredentials,
        }
    }
}

/// Explains what becomes, or became, of an event at each record that it reaches from `path`.
///
/// Fails with [`Error::NotFound`] when there is no such document or price, and when the event did not reach it.
pub fn explain(conn: &mut Conn, state: &AppState, path: &OwnerPath, question: &Question) -> Result<Explained> {
    match question {
        Question::Would { trigger, movement } => would(conn, state, path, trigger, *movement),
        Question::Did(id) => did(conn, state, path, id),
    }
}

fn would(
    conn: &mut Conn,
    state: &AppState,
    path: &OwnerPath,
    trigger: &Name,
    movement: Option<Movement>,
) -> Result<Explained> {
    let holder = get_owner(conn, path)?;
    let EventRecipients { mut owners, store } = event_recipients(conn, path.content_type, holder.subject.draft)?;
    if path.price.is_some() {
        owners.insert(0, holder.owner);
    }
    let now = state.clock.now();
    let input = MatchInput { trigger: trigger.as_str(), occurred_at: now, movement };
    let happening = Happening { input, store: store.map(|store| store.document_id), now };
    let mut found = extensions::find_candidates_with_setup(conn, owners)?;
    found.retain(|one| one.candidate.removed_at.is_none());
    let records = found.iter().map(|one| explanation(conn, state, one, &happening)).collect::<Result<_>>()?;
    Ok(Explained { event: None, trigger: trigger.as_str().to_owned(), records })
}

fn did(conn: &mut Conn, state: &AppState, path: &OwnerPath, id: &str) -> Result<Explained> {
    let found = events::find(conn, id)?.ok_or(Error::NotFound)?;
    let event = events::find_as_undispatched(conn, id)?.ok_or(Error::NotFound)?;
    let owners: Vec<Owner> = serde_json::from_str(&event.owners)?;
    // Its own document may be gone since.
    if found.event.target.document_id != path.document_id && !owners.contains(&get_owner(conn, path)?.owner) {
        return Err(Error::NotFound);
    }
    let filter = RunFilter { event: Some(id.to_owned()), ..RunFilter::default() };
    let mut ran: HashMap<i64, FoundRun> = HashMap::new();
    for run in runs::find_page(conn, &filter, 0, RUNS)? {
        ran.entry(run.extension_id).or_insert(run);
    }
    let movement = event.stock.as_deref().and_then(movement);
    let input = MatchInput { trigger: &event.trigger, occurred_at: event.occurred_at, movement };
    let happening = Happening { input, store: event.store.clone(), now: state.clock.now() };
    let mut records = Vec::new();
    for candidate in extensions::find_candidates_with_setup(conn, owners)? {
        let now = explanation(conn, state, &candidate, &happening)?;
        let run = ran.remove(&candidate.candidate.id);
        records.push(if found.dispatched_at.is_some() { now.seen_from_run(run) } else { now });
    }
    Ok(Explained { trigger: event.trigger, event: Some(found), records })
}

/// What happens, or happened.
struct Happening<'a> {
    input: MatchInput<'a>,
    /// The documentId of the store that it belongs to.
    store: Option<String>,
    /// When that is asked.
    now: Millis,
}

fn explanation(
    conn: &mut Conn,
    state: &AppState,
    found: &CandidateWithSetup,
    happening: &Happening<'_>,
) -> Result<Explanation> {
    let input = happening.input;
    let CandidateWithSetup { owner, document_id, candidate, record } = found;
    let mut explanation = Explanation {
        extension: candidate.id,
        key: candidate.key.clone(),
        owner: (owner.0.clone(), owner.1, document_id.clone()),
        destination: destination(&record.key, record.url.as_deref(), candidate.id),
        pattern: None,
        reason: None,
        delays: Vec::new(),
        run: None,
        warnings: find_amiss(state, record, &candidate.triggers),
    };
    match match_record(state, candidate, input) {
        Ok(pattern) => explanation.pattern = Some(pattern.to_owned()),
        Err(no_match) => explanation.reason = Some(no_match_reason(no_match, &candidate.triggers, input)),
    }
    if explanation.reason.is_none() {
        explanation.reason = check_setup(state, candidate.id, record).err().and_then(|setup_errors| {
            let first = setup_errors.iter().next()?;
            Some(Reason {
                because: first.kind.into(),
                suggestions: match first.kind {
                    SetupErrorKind::UnknownKey => state.handlers.suggest(&candidate.key),
                    _ => Vec::new(),
                },
                message: setup_errors.reason(),
                path: first.path.clone(),
            })
        });
    }
    if explanation.reason.is_none() {
        let own = candidate.store.as_ref().map(|store| &*store.document_id);
        let store = own.or(happening.store.as_deref());
        match find_delays(conn, state, found, store, happening.now)? {
            Ok(delays) => explanation.delays = delays,
            Err(skipped) => explanation.reason = Some(Reason::new(Because::Limit, skipped)),
        }
    }
    Ok(explanation)
}

fn no_match_reason(no_match: NoMatch, patterns: &[String], input: MatchInput<'_>) -> Reason {
    match no_match {
        NoMatch::Inactive => Reason::new(Because::Inactive, "it is switched off"),
        NoMatch::Removed(at) => Reason::new(Because::Removed, format!("it was removed at {}", iso(at))),
        NoMatch::NoKey => Reason::new(Because::UnknownKey, "it has no key"),
        NoMatch::NoPatternMatches => no_pattern_matches(patterns, input.trigger),
        NoMatch::Threshold(threshold) => {
            let moved = input.movement.map_or(String::new(), |Movement { from, to }| format!(" from {from} to {to}"));
            let message = format!("the stock moved{moved}, which does not cross its threshold of {threshold}");
            Reason::new(Because::Threshold, message)
        }
    }
}

fn no_pattern_matches(patterns: &[String], trigger: &str) -> Reason {
    let near = suggest(short(trigger), patterns.iter().take(PATTERNS).map(|pattern| short(pattern)));
    let near: Vec<String> = near.into_iter().map(|pattern| format!("trigger:{pattern}")).collect();
    let message = match (patterns, near.as_slice()) {
        ([], _) => "it has no trigger patterns: it is run by hand alone".to_owned(),
        (_, []) => format!("none of its patterns matches {trigger}"),
        (_, near) => format!("none of its patterns matches {trigger}; the nearest is {}", near.join(", then ")),
    };
    Reason { suggestions: near, ..Reason::new(Because::NoPatternMatches, message) }
}

fn short(name: &str) -> &str {
    name.strip_prefix("trigger:").unwrap_or(name)
}

impl Reason {
    fn new(because: Because, message: impl Into<String>) -> Self {
        Self { because, path: Vec::new(), message: message.into(), suggestions: Vec::new() }
    }
}

impl Explanation {
    /// Whether the event makes a run that reaches the handler, or did.
    pub fn fires(&self) -> bool {
        self.reason.is_none()
    }

    /// The same for an event that was dispatched: what its run says comes before what the record is like now.
    fn seen_from_run(self, run: Option<FoundRun>) -> Self {
        let Some(run) = run else {
            let message = "the event made no run of it: it was added, or changed, after that";
            let reason = self.reason.unwrap_or_else(|| Reason::new(Because::ChangedSince, message));
            return Self { reason: Some(reason), delays: Vec::new(), ..self };
        };
        let reason = match (run.state, &run.reason) {
            (State::Skipped, told) => {
                Some(Reason::new(Because::Limit, told.as_deref().unwrap_or("a limit was reached")))
            }
            // The worker met the same obstacle that is there now.
            (State::Dead, Some(told)) => self.reason.filter(|reason| reason.message == *told),
            _ => None,
        };
        let is_waiting = matches!(run.state, State::Available | State::Retryable);
        let delays = if is_waiting { self.delays } else { Vec::new() };
        Self { pattern: run.pattern.clone(), reason, delays, run: Some(run), ..self }
    }
}
