//! An extension record run or tried by hand.

use std::time::{Duration, Instant};

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::answer::{self, Data, Problems};
use super::body::Submission;
use super::endpoint::Endpoint;
use super::idempotency;
use super::list::Parameters;
use super::runs::{self, WholeRun};
use crate::access::Right;
use crate::clock::iso;
use crate::documents::RecordPath;
use crate::error::{Error, Problem, Result};
use crate::handler::{Event, Exchange, Json};
use crate::ids;
use crate::nesting;
use crate::runner::{self, RunNowRequest, Started, TestMode, TestRun};
use crate::state::AppState;
use crate::triggers::Name;

/// How long a caller can wait for a run to end, in seconds.
const LONGEST_WAIT: u64 = 30;
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(50);

pub(super) fn endpoints() -> Vec<Endpoint> {
    let records =
        ["/api/products/{documentId}/prices/{priceId}/extensions/{id}", "/api/{type}/{documentId}/extensions/{id}"];
    let endpoints = records.map(|record| {
        [
            Endpoint::at(format!("{record}/run")).with_parameters().post(run),
            Endpoint::at(format!("{record}/test")).with_parameters().post(test),
        ]
    });
    endpoints.into_iter().flatten().collect()
}

/// What a record is run with.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RunInput {
    /// The trigger that the event tells of, with or without `trigger:`; `trigger:manual` if not sent. The record need not
    /// listen to it.
    #[schema(example = "post_sale")]
    trigger: Option<String>,
    /// Anything that the handler shall know.
    #[serde(default, deserialize_with = "nesting::read_member")]
    #[schema(value_type = Option<Object>)]
    payload: Option<Value>,
}

/// What a record is tried with.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TestInput {
    /// The trigger that the sample tells of; if not sent, the first that the record or else its handler listens to.
    #[schema(example = "post_sale")]
    trigger: Option<String>,
    /// What is sent along in place of the trigger's own sample.
    #[serde(default, deserialize_with = "nesting::read_member")]
    #[schema(value_type = Option<Object>)]
    payload: Option<Value>,
    /// Only proves that the credentials work: nothing is done anywhere. For handlers that have such a test (`hasTest`).
    #[serde(default)]
    credentials: bool,
}

/// A run that was started.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct StartedAnswer {
    /// The event's id.
    #[schema(example = "evt_01kah4h3t6x4c8n2w9z5q7r1ym")]
    event_id: String,
    /// The run's id.
    #[schema(example = "run_01kah4h3t7x4c8n2w9z5q7r1ym")]
    run_id: String,
    /// The trigger, in its long form.
    #[schema(example = "trigger:manual")]
    trigger: String,
    /// Whether it was there already, under the same idempotency key.
    repeated: bool,
}

/// What came of trying a record. It counts as no run: neither `run_count` nor `last_run` nor `meta` has changed, and no
/// event or run is kept.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct TrialAnswer {
    /// `done`, `retry`, `discard` or `gone`, as of an attempt; `shown` when the request was not sent.
    #[schema(value_type = String, pattern = "^(done|retry|discard|gone|shown)$")]
    outcome: &'static str,
    /// A line for people.
    message: String,
    #[schema(format = DateTime)]
    started_at: String,
    /// How long it took.
    duration_ms: i64,
    /// What the handler reported.
    #[schema(value_type = Option<Object>)]
    data: Option<Json>,
    /// What a run would have merged into the record's `meta`.
    #[schema(value_type = Object)]
    meta: Map<String, Value>,
    /// What was sent and what came back, secrets masked. With `dry` the first request alone, which was not sent: what a
    /// handler sends after that depends on the answers.
    exchanges: Vec<Exchange>,
    /// Whether it counts as a run: never.
    #[schema(value_type = bool, pattern = "^false$")]
    counted: bool,
    /// The sample that the handler was given, with `test: true`.
    event: Event,
}

/// Run an extension record now
///
/// Makes an event for this record alone and its run, also when the record listens to nothing or is switched off. It is
/// executed as any run, with its retries. With `wait` the answer is the run as it ended, if it does so in time.
#[utoipa::path(post, path = "/api/{type}/{documentId}/extensions/{id}/run", tag = "extensions", operation_id = "runExtension",
    params(
        ("type" = String, Path, description = "`stores`, `products` or `subscribers`"),
        ("documentId" = String, Path, description = "What holds the record"),
        ("id" = i64, Path, description = "The record"),
        ("wait" = Option<i64>, Query, description = "Seconds to wait for the run to end, from 1 to 30"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key within 24 hours starts nothing new")
    ),
    request_body = Option<RunInput>,
    responses((status = 202, description = "The run is stored", body = Data<StartedAnswer>),
        (status = 200, description = "The run has ended", body = Data<WholeRun>), Problems))]
pub(super) async fn run(
    request: HttpRequest,
    path: RecordPath,
    state: web::Data<AppState>,
    sent: Submission,
) -> Result<HttpResponse> {
    path.holder.require(sent.caller.access, Right::Run)?;
    let asked = Parameters::read(request.query_string(), &["wait"])?;
    let wait = asked.parsed("wait", seconds)?;
    let idempotency_key = idempotency::key(&request)?.map(str::to_owned);
    let (caller, RunInput { trigger, payload }) = sent.read().await?.parse_optional()?;
    let idempotency_key = idempotency_key.map(|key| ids::caller_key(&caller.key_owner(), ids::Purpose::Run, &key));
    let run_request = RunNowRequest { trigger: trigger.as_deref().map(name).transpose()?, payload, idempotency_key };
    let started = runner::run_now(&state, caller.actor, path, run_request).await?;
    if let Some(wait) = wait
        && let Some(ended) = until_ended(&state, &started.run, wait).await?
    {
        return answer::data(StatusCode::OK, ended);
    }
    answer::data(StatusCode::ACCEPTED, StartedAnswer::from(started))
}

/// Try an extension record
///
/// Executes the record at once for a sample event of a trigger, by the way that every run goes, and answers with the
/// whole attempt. What is sent says `"test": true` wherever the event's envelope is sent. It counts as no run and leaves
/// nothing behind here; what the other side makes of it is its own affair. With `dry` nothing is sent: the first request
/// is shown as it would be.
#[utoipa::path(post, path = "/api/{type}/{documentId}/extensions/{id}/test", tag = "extensions", operation_id = "testExtension",
    params(
        ("type" = String, Path, description = "`stores`, `products` or `subscribers`"),
        ("documentId" = String, Path, description = "What holds the record"),
        ("id" = i64, Path, description = "The record"),
        ("dry" = Option<bool>, Query, description = "Whether the request is shown in place of being sent")
    ),
    request_body = Option<TestInput>,
    responses((status = 200, description = "What came of it, well or not", body = Data<TrialAnswer>), Problems))]
pub(super) async fn test(
    request: HttpRequest,
    path: RecordPath,
    state: web::Data<AppState>,
    sent: Submission,
) -> Result<HttpResponse> {
    path.holder.require(sent.caller.access, Right::Run)?;
    let asked = Parameters::read(request.query_string(), &["dry"])?;
    let dry = asked.parsed("dry", |text| text.parse().map_err(|_| "dry must be true or false".to_owned()))?;
    let (caller, TestInput { trigger, payload, credentials }) = sent.read().await?.parse_optional()?;
    let mode = match (dry.unwrap_or(false), credentials) {
        (true, true) => {
            return Err(refused("credentials", "a test of the credentials cannot be dry: it must ask".into()));
        }
        (true, false) => TestMode::DryRun,
        (false, true) => TestMode::CheckCredentials,
        (false, false) => TestMode::Live,
    };
    let run_request =
        RunNowRequest { trigger: trigger.as_deref().map(name).transpose()?, payload, idempotency_key: None };
    let test = runner::test_run(&state, caller.actor, path, run_request, mode).await?;
    answer::data(StatusCode::OK, TrialAnswer::new(test)?)
}

fn name(text: &str) -> Result<Name> {
    Name::parse(text).map_err(|reason| refused("trigger", reason))
}

fn refused(member: &str, message: String) -> Error {
    Error::Invalid(vec![Problem { path: vec![member.to_owned()], message, value: None }])
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds = text.parse().ok().filter(|seconds| (1..=LONGEST_WAIT).contains(seconds));
    seconds.map(Duration::from_secs).ok_or_else(|| format!("wait must be a number of seconds from 1 to {LONGEST_WAIT}"))
}

/// The run, when it has ended within `wait`.
async fn until_ended(state: &AppState, run: &str, wait: Duration) -> Result<Option<WholeRun>> {
    let until = Instant::now() + wait;
    loop {
        let id = run.to_owned();
        let found = state.db.read(move |conn| runs::whole(conn, &id)).await?;
        if found.has_ended() {
            return WholeRun::new(found).map(Some);
        }
        if Instant::now() >= until {
            return Ok(None);
        }
        actix_web::rt::time::sleep(LOOK).await;
    }
}

impl From<Started> for StartedAnswer {
    fn from(started: Started) -> Self {
        let Started { event, run, trigger, repeated } = started;
        Self { event_id: event, run_id: run, trigger, repeated }
    }
}

impl TrialAnswer {
    fn new(test: TestRun) -> Result<Self> {
        Ok(Self {
            outcome: test.outcome,
            message: test.message,
            started_at: iso(test.started_at),
            duration_ms: test.duration_ms,
            data: test.data.map(Json::parse).transpose()?,
            meta: test.meta,
            exchanges: test.exchanges,
            counted: false,
            event: test.event,
        })
    }
}
