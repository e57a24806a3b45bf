//! Executes one attempt: finds the handler, gives it what it may use, and makes of its outcome what is recorded.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use tokio::task::AbortHandle;

use super::record::Finished;
use super::retry;
use crate::clock::Millis;
use crate::db::attempts::NewAttempt;
use crate::db::extensions::Tally;
use crate::db::runs::{Claimed, Held, Move, State};
use crate::documents::{self, Setup};
use crate::handler::{Attempt, Done, Exchange, Failure, Http, Json, Masker, Outcome, Parts, Policy, RunInfo};
use crate::state::AppState;

/// How much longer than its requests an attempt may take: enough to report that one of them took too long.
const REPORTING: Duration = Duration::from_millis(100);

/// What is left of a claimed run when its handler has been given the rest.
struct Begun {
    held: Held,
    tries: u32,
    max_attempts: u32,
    extension_id: i64,
    started_at: Millis,
    started: Instant,
}

/// An attempt that is ready to be executed.
struct Ready {
    attempt: Attempt,
    http: Http,
    timeout: Duration,
    never_blocks: bool,
}

/// Executes an attempt of `claimed`. Never fails: whatever goes wrong is an outcome.
pub(super) async fn execute(state: &AppState, claimed: Claimed) -> Finished {
    let begun = Begun {
        held: (claimed.id, claimed.attempt),
        tries: claimed.attempt.saturating_sub(claimed.lost),
        max_attempts: claimed.max_attempts,
        extension_id: claimed.extension_id,
        started_at: state.clock.now(),
        started: Instant::now(),
    };
    if let Some(reason) = why_not(&claimed) {
        return begun.cancelled(reason);
    }
    match prepare(state, claimed) {
        Err(failure) => begun.ended(state, Err(failure), Vec::new(), false),
        Ok(ready) => {
            let http = ready.http.clone();
            let outcome = mask(outcome_of(ready).await, http.masker());
            begun.ended(state, outcome, http.take_exchanges(), true)
        }
    }
}

/// Why a run must not be executed any more, if so.
fn why_not(claimed: &Claimed) -> Option<&'static str> {
    let Some(record) = &claimed.record else { return Some("the extension record is gone") };
    match record.removed_at {
        Some(removed_at) if removed_at < claimed.event.occurred_at => {
            Some("the extension record was removed before this happened")
        }
        None if !record.active => Some("the extension record is switched off"),
        _ => None,
    }
}

fn prepare(state: &AppState, claimed: Claimed) -> Result<Ready, Failure> {
    let record = claimed.record.ok_or_else(|| Failure::discard("the extension record is gone"))?;
    let Setup { entry, credentials, config } = documents::set_up(state, claimed.extension_id, &record)?;
    let policy = Policy::of(record.config.as_deref().unwrap_or_default());
    let timeout = policy.timeout_s.map_or(entry.descriptor().timeout, |seconds| Duration::from_secs(seconds.into()));
    let masker = Masker::new(&credentials);
    let clock = Arc::clone(&state.clock);
    let http = Http::new(state.outbound.clone(), Arc::clone(&clock), Instant::now() + timeout, masker);
    let parts = Parts {
        event: Arc::new(claimed.event),
        credentials,
        config,
        url: record.url,
        meta: record.meta.and_then(|meta| Json::parse(meta).ok()).unwrap_or_default(),
        run: RunInfo { id: claimed.uid, attempt: claimed.attempt, max_attempts: claimed.max_attempts },
        http: http.clone(),
        clock,
    };
    let never_blocks = entry.descriptor().never_blocks;
    Ok(Ready { attempt: entry.attempt(parts)?, http, timeout, never_blocks })
}

/// Awaits the handler, apart from everything else: one that panics, hangs or blocks its thread harms no other.
async fn outcome_of(ready: Ready) -> Outcome {
    let (attempt, timeout) = (ready.attempt, ready.timeout);
    let task = match ready.never_blocks {
        true => tokio::spawn(attempt),
        false => {
            let runtime = tokio::runtime::Handle::current();
            tokio::task::spawn_blocking(move || runtime.block_on(attempt))
        }
    };
    let _guard = StopWithMe(task.abort_handle());
    match tokio::time::timeout(timeout + REPORTING, task).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(ended)) => Err(Failure::retry(match ended.try_into_panic() {
            Ok(panic) => format!("the handler panicked: {}", told(&*panic)),
            Err(_) => "the handler was stopped".to_owned(),
        })),
        Err(_) => Err(Failure::retry(format!("not done within {} s", timeout.as_secs()))),
    }
}

/// Stops a task when whoever waits for it is done with waiting.
struct StopWithMe(AbortHandle);

impl Drop for StopWithMe {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn told(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it does not say why")
}

fn mask(outcome: Outcome, masker: &Masker) -> Outcome {
    outcome.map_err(|failure| failure.map_reason(|reason| masker.text(reason))).map(|done| Done {
        message: masker.text(&done.message),
        data: done.data.map(|data| masker.value(data)),
        meta: done.meta.into_iter().map(|(name, value)| (name, masker.value(value))).collect(),
    })
}

impl Begun {
    fn cancelled(self, reason: &str) -> Finished {
        let now = self.started_at;
        let (held, reason) = (self.held, Some(reason.to_owned()));
        self.finished(Move { held, state: State::Cancelled, due_at: now, reason, finished_at: Some(now), lost: false })
    }

    fn ended(self, state: &AppState, outcome: Outcome, exchanges: Vec<Exchange>, reached: bool) -> Finished {
        let now = state.clock.now();
        let moved_to = retry::after(&outcome, self.tries, self.max_attempts);
        let wait = match &outcome {
            Err(Failure::Retry { after, .. }) => retry::wait(self.tries, *after, &*state.random),
            _ => 0,
        };
        let step = Move {
            held: self.held,
            state: moved_to,
            due_at: now + wait,
            reason: outcome.as_ref().err().map(|failure| failure.reason().to_owned()),
            finished_at: (moved_to != State::Retryable).then_some(now),
            lost: false,
        };
        let succeeded_at = outcome.is_ok().then_some(now);
        let tally = Tally { runs: reached.into(), succeeded_at };
        let switch_off = matches!(outcome, Err(Failure::Gone { .. }));
        let (word, message, data, meta) = parts_of(outcome);
        let exchanges = serde_json::to_string(&exchanges).unwrap_or_else(|_| "[]".to_owned());
        let attempt = NewAttempt { data, exchanges, ..self.attempt(word, message) };
        Finished { attempt: Some(attempt), tally, meta, switch_off, ..self.finished(step) }
    }

    fn attempt(&self, outcome: &'static str, message: String) -> NewAttempt {
        NewAttempt {
            run: self.held.0,
            number: self.held.1,
            started_at: self.started_at,
            duration_ms: i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX),
            outcome,
            message,
            data: None,
            exchanges: "[]".to_owned(),
        }
    }

    fn finished(&self, step: Move) -> Finished {
        let (extension_id, tally, meta) = (self.extension_id, Tally::default(), Map::new());
        Finished { step, extension_id, attempt: None, tally, meta, switch_off: false }
    }
}

/// The word for an outcome, its line for people, its data, and what it merges into `meta`.
fn parts_of(outcome: Outcome) -> (&'static str, String, Option<String>, Map<String, Value>) {
    let (word, reason) = match outcome {
        Ok(done) => return ("done", done.message, done.data.map(|data| data.to_string()), done.meta),
        Err(Failure::Retry { reason, .. }) => ("retry", reason),
        Err(Failure::Discard { reason }) => ("discard", reason),
        Err(Failure::Gone { reason }) => ("gone", reason),
    };
    (word, reason, None, Map::new())
}
