//! Why an event runs what it runs: each record that it reaches, and whether it fires, decided by the dispatcher's and the
//! worker's own code.

use std::collections::HashMap;

use super::delays::{Wait, waits};
use crate::clock::{Millis, iso};
use crate::db::Conn;
use crate::db::documents::{Reach, reach_of};
use crate::db::events::{self, FoundEvent, Owner};
use crate::db::extensions::{self, Reached};
use crate::db::runs::{self, FoundRun, RunFilter, State};
use crate::documents::{HolderPath, check_setup, find_amiss, find_holder};
use crate::error::{Error, Result};
use crate::handler::{ObstacleKind, destination};
use crate::query::Warning;
use crate::runner::dispatch::matching::{Deaf, Sound, hears, movement};
use crate::state::AppState;
use crate::suggest::nearest;
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
    pub waits: Vec<Wait>,
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
    pub nearest: Vec<String>,
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

impl From<ObstacleKind> for Because {
    fn from(kind: ObstacleKind) -> Self {
        match kind {
            ObstacleKind::UnknownKey => Self::UnknownKey,
            ObstacleKind::MissingUrl => Self::MissingUrl,
            ObstacleKind::BadUrl => Self::BadUrl,
            ObstacleKind::BadConfig => Self::BadConfig,
            ObstacleKind::BadCredentials => Self::BadCredentials,
        }
    }
}

/// Explains what becomes, or became, of an event at each record that it reaches from `path`.
///
/// Fails with [`Error::NotFound`] when there is no such document or price, and when the event did not reach it.
pub fn explain(conn: &mut Conn, state: &AppState, path: &HolderPath, question: &Question) -> Result<Explained> {
    match question {
        Question::Would { trigger, movement } => would(conn, state, path, trigger, *movement),
        Question::Did(id) => did(conn, state, path, id),
    }
}

fn would(
    conn: &mut Conn,
    state: &AppState,
    path: &HolderPath,
    trigger: &Name,
    movement: Option<Movement>,
) -> Result<Explained> {
    let holder = find_holder(conn, path)?;
    let Reach { mut owners, store } = reach_of(conn, path.content_type, holder.subject.draft)?;
    if path.price.is_some() {
        owners.insert(0, holder.owner);
    }
    let now = state.clock.now();
    let sound = Sound { trigger: trigger.as_str(), occurred_at: now, movement };
    let happening = Happening { sound, store: store.map(|store| store.document_id), now };
    let mut reached = extensions::find_reached(conn, owners)?;
    reached.retain(|reached| reached.listener.removed_at.is_none());
    let records = reached.iter().map(|reached| explanation(conn, state, reached, &happening)).collect::<Result<_>>()?;
    Ok(Explained { event: None, trigger: trigger.as_str().to_owned(), records })
}

fn did(conn: &mut Conn, state: &AppState, path: &HolderPath, id: &str) -> Result<Explained> {
    let found = events::find(conn, id)?.ok_or(Error::NotFound)?;
    let event = events::find_as_undispatched(conn, id)?.ok_or(Error::NotFound)?;
    let owners: Vec<Owner> = serde_json::from_str(&event.owners)?;
    // Its own document may be gone since.
    if found.event.target.document_id != path.document_id && !owners.contains(&find_holder(conn, path)?.owner) {
        return Err(Error::NotFound);
    }
    let filter = RunFilter { event: Some(id.to_owned()), ..RunFilter::default() };
    let mut ran: HashMap<i64, FoundRun> = HashMap::new();
    for run in runs::find_page(conn, &filter, 0, RUNS)? {
        ran.entry(run.extension_id).or_insert(run);
    }
    let movement = event.stock.as_deref().and_then(movement);
    let sound = Sound { trigger: &event.trigger, occurred_at: event.occurred_at, movement };
    let happening = Happening { sound, store: event.store.clone(), now: state.clock.now() };
    let mut records = Vec::new();
    for reached in extensions::find_reached(conn, owners)? {
        let now = explanation(conn, state, &reached, &happening)?;
        let run = ran.remove(&reached.listener.id);
        records.push(if found.dispatched_at.is_some() { now.seen_from_run(run) } else { now });
    }
    Ok(Explained { trigger: event.trigger, event: Some(found), records })
}

/// What happens, or happened.
struct Happening<'a> {
    sound: Sound<'a>,
    /// The documentId of the store that it belongs to.
    store: Option<String>,
    /// When that is asked.
    now: Millis,
}

fn explanation(conn: &mut Conn, state: &AppState, reached: &Reached, happening: &Happening<'_>) -> Result<Explanation> {
    let sound = happening.sound;
    let Reached { owner, document_id, listener, record } = reached;
    let mut explanation = Explanation {
        extension: listener.id,
        key: listener.key.clone(),
        owner: (owner.0.clone(), owner.1, document_id.clone()),
        destination: destination(&record.key, record.url.as_deref(), listener.id),
        pattern: None,
        reason: None,
        waits: Vec::new(),
        run: None,
        warnings: find_amiss(state, record, &listener.triggers),
    };
    match hears(state, listener, sound) {
        Ok(pattern) => explanation.pattern = Some(pattern.to_owned()),
        Err(deaf) => explanation.reason = Some(deaf_for(deaf, &listener.triggers, sound)),
    }
    if explanation.reason.is_none() {
        explanation.reason = check_setup(state, listener.id, record).err().and_then(|obstacles| {
            let first = obstacles.iter().next()?;
            Some(Reason {
                because: first.kind.into(),
                nearest: match first.kind {
                    ObstacleKind::UnknownKey => state.handlers.nearest(&listener.key),
                    _ => Vec::new(),
                },
                message: obstacles.reason(),
                path: first.path.clone(),
            })
        });
    }
    if explanation.reason.is_none() {
        let own = listener.store.as_ref().map(|store| &*store.document_id);
        let store = own.or(happening.store.as_deref());
        match waits(conn, state, reached, store, happening.now)? {
            Ok(waits) => explanation.waits = waits,
            Err(skipped) => explanation.reason = Some(Reason::new(Because::Limit, skipped)),
        }
    }
    Ok(explanation)
}

fn deaf_for(deaf: Deaf, patterns: &[String], sound: Sound<'_>) -> Reason {
    match deaf {
        Deaf::Inactive => Reason::new(Because::Inactive, "it is switched off"),
        Deaf::Removed(at) => Reason::new(Because::Removed, format!("it was removed at {}", iso(at))),
        Deaf::NoKey => Reason::new(Because::UnknownKey, "it has no key"),
        Deaf::NoPatternMatches => no_pattern_matches(patterns, sound.trigger),
        Deaf::Threshold(threshold) => {
            let moved = sound.movement.map_or(String::new(), |Movement { from, to }| format!(" from {from} to {to}"));
            let message = format!("the stock moved{moved}, which does not cross its threshold of {threshold}");
            Reason::new(Because::Threshold, message)
        }
    }
}

fn no_pattern_matches(patterns: &[String], trigger: &str) -> Reason {
    let near = nearest(short(trigger), patterns.iter().take(PATTERNS).map(|pattern| short(pattern)));
    let near: Vec<String> = near.into_iter().map(|pattern| format!("trigger:{pattern}")).collect();
    let message = match (patterns, near.as_slice()) {
        ([], _) => "it has no trigger patterns: it is run by hand alone".to_owned(),
        (_, []) => format!("none of its patterns matches {trigger}"),
        (_, near) => format!("none of its patterns matches {trigger}; the nearest is {}", near.join(", then ")),
    };
    Reason { nearest: near, ..Reason::new(Because::NoPatternMatches, message) }
}

fn short(name: &str) -> &str {
    name.strip_prefix("trigger:").unwrap_or(name)
}

impl Reason {
    fn new(because: Because, message: impl Into<String>) -> Self {
        Self { because, path: Vec::new(), message: message.into(), nearest: Vec::new() }
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
            return Self { reason: Some(reason), waits: Vec::new(), ..self };
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
        let waits = if is_waiting { self.waits } else { Vec::new() };
        Self { pattern: run.pattern.clone(), reason, waits, run: Some(run), ..self }
    }
}
