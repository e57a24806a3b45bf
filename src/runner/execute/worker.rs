//! Executes one attempt: finds the handler, gives it what it may use, and makes of its outcome what is recorded.

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use tokio::task::AbortHandle;

use super::finished::{FinishedAttempt, TakenRun, why_not};
use super::host::RunnerHost;
use super::retry::{Ending, Health, History, Observation};
use super::write_back;
use crate::clock::Millis;
use crate::db::attempts::NewAttempt;
use crate::db::holds::shard_of;
use crate::db::runs::{Claimed, RecordSetup, RunLease};
use crate::documents::{self, Setup};
use crate::handler::{
    Attempt, Detached, Done, Event, Exchange, Failure, Host, Http, Json, MOST_DEPTH, Outcome, Parts, Policy, Purpose,
    RunInfo, destination,
};
use crate::state::AppState;

/// How much longer than its requests an attempt may take: enough to report that one of them took too long.
const REPORTING: Duration = Duration::from_millis(100);

/// What is left of a claimed run when its handler has been given the rest.
struct AttemptStart {
    lease: RunLease,
    history: History,
    extension_id: i64,
    /// Where the attempt goes.
    destination: String,
    shard: String,
    /// The destination that it is a probe of.
    probe: Option<String>,
    ordering_key: Option<String>,
    started_at: Millis,
    started: Instant,
}

/// An attempt that is ready to be executed.
pub struct Ready {
    event: Arc<Event>,
    attempt: Attempt,
    /// The handler's way out.
    pub http: Http,
    timeout: Duration,
    never_blocks: bool,
}

/// Executes an attempt of a run that was taken. Never fails: whatever goes wrong is an outcome.
pub async fn execute(state: &Arc<AppState>, TakenRun { run: claimed, probe }: TakenRun) -> FinishedAttempt {
    let start = AttemptStart::new(state.clock.now(), &claimed, probe);
    if let Some(reason) = why_not(&claimed) {
        return start.cancelled(reason);
    }
    let token = state.queue.cancellations.register(claimed.id);
    match Work::of(claimed).and_then(|work| prepare(state, work)) {
        Err(failure) => start.ended(state, AttemptEnd { outcome: Err(failure), ..AttemptEnd::default() }),
        Ok(ready) => {
            let (http, event) = (ready.http.clone(), Arc::clone(&ready.event));
            let (outcome, health) = tokio::select! {
                outcome = outcome_of(ready) => outcome,
                // Whoever cancelled the run has recorded that, so this finds it no longer running.
                () = token.cancelled() => (Err(Failure::discard("cancelled while it was under way")), Health::Unknown),
            };
            // Masked before anything of it is set in a document, and once more for what is said if that fails.
            let outcome = http.masker().outcome(outcome);
            let outcome = write_back::apply(state, &event, start.extension_id, outcome).await;
            let exchanges = http.take_exchanges();
            let answered = exchanges.iter().any(|exchange| exchange.answer.is_some());
            // A refusal comes from a destination that is well, unless the handler did not even ask.
            let health = if health == Health::Unknown && answered { Health::Healthy } else { health };
            start.ended(state, AttemptEnd { outcome: http.masker().outcome(outcome), exchanges, health, reached: true })
        }
    }
}

/// How an attempt ended.
struct AttemptEnd {
    outcome: Outcome,
    exchanges: Vec<Exchange>,
    health: Health,
    /// Whether the handler was reached.
    reached: bool,
}

impl Default for AttemptEnd {
    fn default() -> Self {
        Self { outcome: Ok(Done::default()), exchanges: Vec::new(), health: Health::Unknown, reached: false }
    }
}

/// What an attempt is made of.
pub struct Work {
    pub record: RecordSetup,
    pub extension_id: i64,
    pub event: Arc<Event>,
    pub run: RunInfo,
    pub purpose: Purpose,
    /// Whether requests are only shown.
    pub dry: bool,
}

impl Work {
    fn of(claimed: Claimed) -> Result<Self, Failure> {
        let depth = claimed.event.depth;
        if depth > MOST_DEPTH {
            return Err(Failure::discard(format!(
                "extension records seem to cause each other: {depth} events led to this one, and no more than \
                 {MOST_DEPTH} may"
            )));
        }
        Ok(Self {
            record: claimed.record.ok_or_else(|| Failure::discard("the extension record is gone"))?,
            extension_id: claimed.extension_id,
            event: claimed.event,
            run: RunInfo { id: claimed.uid, attempt: claimed.attempt, max_attempts: claimed.max_attempts },
            purpose: Purpose::Run,
            dry: false,
        })
    }
}

pub fn prepare(state: &Arc<AppState>, work: Work) -> Result<Ready, Failure> {
    let Work { record, extension_id, event, run, purpose, dry } = work;
    let Setup { entry, credentials, config, url, masker } = documents::set_up(state, extension_id, &record)?;
    let policy = Policy::of(record.config.as_deref().unwrap_or_default());
    let timeout = policy.timeout_s.map_or(entry.descriptor().timeout, |seconds| Duration::from_secs(seconds.into()));
    let clock = Arc::clone(&state.clock);
    let make = if dry { Http::dry_run } else { Http::new };
    let http = make(state.outbound.clone(), Arc::clone(&clock), Instant::now() + timeout, masker);
    let host: Arc<dyn Host> = match dry {
        true => Arc::new(Detached),
        false => Arc::new(RunnerHost {
            state: Arc::clone(state),
            store: event.store.as_ref().map(|store| store.document_id.clone()),
            timeout,
        }),
    };
    let parts = Parts {
        key: record.key,
        event: Arc::clone(&event),
        credentials,
        config,
        url,
        meta: record.meta.and_then(|meta| Json::parse(meta).ok()).unwrap_or_default(),
        run,
        http: http.clone(),
        clock,
        host,
    };
    let never_blocks = entry.descriptor().never_blocks;
    Ok(Ready { event, attempt: entry.attempt(parts, purpose)?, http, timeout, never_blocks })
}

/// Awaits the handler, apart from everything else: one that panics, hangs or blocks its thread harms no other. What its
/// outcome alone says of the destination comes with it.
pub async fn outcome_of(ready: Ready) -> (Outcome, Health) {
    let (attempt, timeout, http) = (ready.attempt, ready.timeout, ready.http);
    let task = match ready.never_blocks {
        true => tokio::spawn(attempt),
        false => {
            let runtime = tokio::runtime::Handle::current();
            tokio::task::spawn_blocking(move || runtime.block_on(attempt))
        }
    };
    let _guard = AbortOnDrop(task.abort_handle());
    match tokio::time::timeout(timeout + REPORTING, task).await {
        Ok(Ok(outcome)) => {
            let health = match &outcome {
                // A receiver that has enough is there.
                Ok(_) | Err(Failure::Limit { .. }) => Health::Healthy,
                // Whoever answers well is not away, whatever the handler makes of the answer.
                Err(Failure::Retry { .. }) if !http.was_answered() => Health::Failing,
                Err(_) => Health::Unknown,
            };
            (outcome, health)
        }
        Ok(Err(ended)) => {
            let reason = match ended.try_into_panic() {
                Ok(panic) => format!("the handler panicked: {}", panic_text(&*panic)),
                Err(_) => "the handler was stopped".to_owned(),
            };
            (Err(Failure::retry(reason)), Health::Unknown)
        }
        Err(_) => (Err(Failure::retry(format!("not done within {} s", timeout.as_secs()))), Health::Failing),
    }
}

/// Stops a task when whoever waits for it is done with waiting.
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("it does not say why")
}

impl AttemptStart {
    fn new(now: Millis, claimed: &Claimed, probe: Option<String>) -> Self {
        let record = claimed.record.as_ref();
        let destination = record
            .map(|record| destination(&record.key, record.url.as_deref(), claimed.extension_id))
            .unwrap_or_default();
        let history = History {
            tries: claimed.attempt.saturating_sub(claimed.no_tries),
            max_attempts: claimed.max_attempts,
            lost: claimed.lost,
            limits: claimed.limits,
            limited_since: claimed.limited_since,
            ahead_of: probe.as_ref().and(Some(claimed.due_at)).filter(|due_at| *due_at > now),
            is_probe: probe.as_ref() == Some(&destination),
        };
        Self {
            lease: (claimed.id, claimed.attempt),
            history,
            extension_id: claimed.extension_id,
            destination,
            shard: shard_of(&claimed.destination, claimed.store.as_deref()),
            probe,
            ordering_key: claimed.ordering_key.clone(),
            started_at: now,
            started: Instant::now(),
        }
    }

    fn cancelled(self, reason: &str) -> FinishedAttempt {
        let ended_at = self.started_at;
        let finished = self.finished(Ending::Nobody, Health::Unknown, ended_at);
        FinishedAttempt { reason: Some(reason.to_owned()), ..finished }
    }

    fn ended(self, state: &AppState, ended: AttemptEnd) -> FinishedAttempt {
        let AttemptEnd { outcome, exchanges, health, reached } = ended;
        let ending = ending_of(&outcome);
        let reason = outcome.as_ref().err().map(|failure| failure.reason().to_owned());
        let switch_off = matches!(outcome, Err(Failure::Gone { .. }));
        let (word, message, data, meta) = parts_of(outcome);
        let exchanges = serde_json::to_string(&exchanges).unwrap_or_else(|_| "[]".to_owned());
        let attempt = Some(NewAttempt { data, exchanges, ..self.attempt(word, message) });
        FinishedAttempt {
            reason,
            attempt,
            meta,
            switch_off,
            reached,
            ..self.finished(ending, health, state.clock.now())
        }
    }

    fn attempt(&self, outcome: &'static str, message: String) -> NewAttempt {
        NewAttempt {
            run: self.lease.0,
            number: self.lease.1,
            started_at: self.started_at,
            duration_ms: i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX),
            outcome,
            message,
            data: None,
            exchanges: "[]".to_owned(),
        }
    }

    /// What the attempt leaves behind, whatever it did.
    fn finished(self, ending: Ending, health: Health, ended_at: Millis) -> FinishedAttempt {
        let Self { lease, history, extension_id, destination, shard, probe, ordering_key, .. } = self;
        FinishedAttempt {
            lease,
            observation: Observation { ending, health, destination, shard },
            history,
            ended_at,
            reason: None,
            extension_id,
            attempt: None,
            reached: false,
            meta: Map::new(),
            switch_off: false,
            probe,
            ordering_key,
        }
    }
}

/// What an outcome is to the schedule. A part of a millisecond is waited for whole: what comes too early meets the same
/// limit again.
fn ending_of(outcome: &Outcome) -> Ending {
    let millis = |wait: &Duration| Millis::try_from(wait.as_micros().div_ceil(1000)).unwrap_or(Millis::MAX);
    match outcome {
        Ok(_) => Ending::Done,
        Err(Failure::Retry { after, .. }) => Ending::Failed(after.as_ref().map(millis)),
        Err(Failure::Limit { after, .. }) => Ending::Limit(millis(after)),
        Err(Failure::Discard { .. } | Failure::Gone { .. }) => Ending::Refused,
    }
}

/// The word for an outcome, its line for people, its data, and what it merges into `meta`.
pub fn parts_of(outcome: Outcome) -> (&'static str, String, Option<String>, Map<String, Value>) {
    let (word, reason) = match outcome {
        Ok(done) => return ("done", done.message, done.data.map(|data| data.to_string()), done.meta),
        Err(Failure::Retry { reason, .. }) => ("retry", reason),
        Err(Failure::Limit { reason, .. }) => ("limit", reason),
        Err(Failure::Discard { reason }) => ("discard", reason),
        Err(Failure::Gone { reason }) => ("gone", reason),
    };
    (word, reason, None, Map::new())
}
