//! Trying a record: one attempt for a sample event, at once, that counts as nothing and leaves nothing behind.

use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use tokio::time::timeout;

use super::run_now::RunNowRequest;
use crate::clock::Millis;
use crate::db::extensions;
use crate::db::runs::RecordSetup;
use crate::documents::RecordPath;
use crate::error::{Error, Result};
use crate::handler::{Event, Exchange, Failure, Json, NOT_SENT, Outcome, Purpose, RunInfo, Target};
use crate::ids;
use crate::runner::dispatch::owner_event::ManualEventContext;
use crate::runner::execute::worker::{self, Work};
use crate::state::AppState;
use crate::triggers::{Name, SAMPLE_DOCUMENT, sample, sample_entity, usual_trigger};

/// How long a caller waits for a trial at most, whatever the record's policy says.
const LONGEST: Duration = Duration::from_secs(30);

/// How a record is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TestMode {
    /// The handler does its work.
    Live,
    /// The handler begins its work; its first request is shown in place of being sent.
    DryRun,
    /// The handler proves that the credentials work.
    CheckCredentials,
}

/// What came of trying a record.
#[derive(Debug)]
pub struct TestRun {
    /// The sample.
    pub event: Event,
    /// When it began.
    pub started_at: Millis,
    /// How long it took, in milliseconds.
    pub duration_ms: i64,
    /// `done`, `retry`, `discard`, `gone`, or `shown` when the request was not sent.
    pub outcome: &'static str,
    /// A line for people.
    pub message: String,
    /// What the handler reported; JSON.
    pub data: Option<String>,
    /// What a run would merge into the record's `meta`.
    pub meta: Map<String, Value>,
    /// What was sent, or would be, and what came back, secrets masked.
    pub exchanges: Vec<Exchange>,
}

/// Tries the record at `path`, switched on or off.
///
/// Fails with [`Error::NotFound`] when it is not there, and with [`Error::Application`] when its handler cannot prove
/// its credentials; whatever else goes wrong is what came of it.
pub async fn test_run(
    state: &Arc<AppState>,
    actor: String,
    path: RecordPath,
    run_request: RunNowRequest,
    mode: TestMode,
) -> Result<TestRun> {
    let context = state.db.read(move |conn| ManualEventContext::find(conn, &path)).await?;
    let key = context.record.key.clone().unwrap_or_default();
    let handler = state.handlers.find(&key).map(|entry| entry.descriptor());
    if mode == TestMode::CheckCredentials && !handler.is_some_and(|handler| handler.has_test) {
        return Err(Error::Application(match handler {
            Some(_) => format!("{key} has no test of its credentials; without `credentials` it is tried with a sample"),
            None => state.handlers.unknown(&key),
        }));
    }
    let usual = handler.map_or(&[][..], |handler| handler.default_triggers);
    let event = sample_event(state, &actor, &context, run_request, usual)?;
    let extension_id = context.record.id;
    let work = Work {
        record: context.record.into(),
        extension_id,
        event: Arc::new(event.clone()),
        run: RunInfo { id: ids::sortable("run", event.occurred_at, &*state.random), attempt: 1, max_attempts: 1 },
        purpose: if mode == TestMode::CheckCredentials { Purpose::Test } else { Purpose::Run },
        dry: mode == TestMode::DryRun,
    };
    Ok(attempt(state, event, work).await)
}

/// What would be sent if `trigger` fired for this document now.
fn sample_event(
    state: &AppState,
    actor: &str,
    context: &ManualEventContext,
    run_request: RunNowRequest,
    usual: &[&str],
) -> Result<Event> {
    let trigger = match run_request.trigger {
        Some(name) => name,
        None => {
            Name::parse(&usual_trigger(&context.record.triggers, usual, &state.matchers)).map_err(Error::internal)?
        }
    };
    let (now, brings) = (state.clock.now(), sample(&trigger));
    let json = |text: Option<String>| text.map(Json::parse).transpose();
    let payload = run_request.payload.map(|payload| payload.to_string());
    let mut target = context.target.clone();
    let data = match sample_entity(&trigger, &target.type_name) {
        Some((type_name, entity)) => {
            let price_id = (type_name == "price").then_some(1);
            target = Target { type_name: type_name.to_owned(), document_id: SAMPLE_DOCUMENT.to_owned(), price_id };
            entity.to_owned()
        }
        None => context.data.clone(),
    };
    Ok(Event {
        id: ids::sortable("evt", now, &*state.random),
        trigger: trigger.as_str().to_owned(),
        occurred_at: now,
        target,
        store: context.store.clone(),
        data: Json::parse(data)?,
        changes: json(brings.changes.map(str::to_owned))?,
        payload: json(payload.or(brings.payload.map(str::to_owned)))?,
        actor: actor.to_owned(),
        depth: 0,
        test: true,
    })
}

/// The attempt itself, by the way that every run goes.
async fn attempt(state: &Arc<AppState>, event: Event, work: Work) -> TestRun {
    let (started_at, started, dry) = (state.clock.now(), Instant::now(), work.dry);
    let (outcome, exchanges) = match worker::prepare(state, work) {
        Err(failure) => (Err(failure), Vec::new()),
        Ok(ready) => {
            let http = ready.http.clone();
            let late = || Err(Failure::retry(format!("a trial is given up after {} s", LONGEST.as_secs())));
            let done = timeout(LONGEST, worker::outcome_of(ready)).await;
            let outcome = done.map_or_else(|_| late(), |(outcome, _)| outcome);
            (http.masker().outcome(outcome), http.take_exchanges())
        }
    };
    let duration_ms = i64::try_from(started.elapsed().as_millis()).unwrap_or(i64::MAX);
    let (outcome, message, data, meta) = told(outcome, dry && !exchanges.is_empty());
    TestRun { event, started_at, duration_ms, outcome, message, data, meta, exchanges }
}

type Reported = (&'static str, String, Option<String>, Map<String, Value>);

/// The word for an outcome, and what is told of it; of a request that was only shown nothing came.
fn told(outcome: Outcome, shown: bool) -> Reported {
    match shown {
        true => ("shown", format!("{NOT_SENT}; what else is sent depends on the answer to this"), None, Map::new()),
        false => worker::parts_of(outcome),
    }
}

impl From<extensions::ExtensionRecord> for RecordSetup {
    fn from(record: extensions::ExtensionRecord) -> Self {
        Self {
            key: record.key.unwrap_or_default(),
            credentials: record.credentials,
            config: record.config,
            url: record.url,
            meta: record.meta,
            active: record.active,
            removed_at: None,
        }
    }
}
