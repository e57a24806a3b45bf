//! Runs over HTTP: what was executed, what was sent, what came back, and what happens next.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{self, Data, Problems};
use super::endpoint::Endpoint;
use super::extract::{Cost, Reader};
use super::list::{By, Filterable, Page, Parameters};
use crate::access::Caller;
use crate::clock::iso;
use crate::db::Conn;
use crate::db::attempts::{self, Attempt};
use crate::db::events;
use crate::db::runs::{self, FoundRun, RunFilter, State};
use crate::error::{Error, Result};
use crate::handler::{Event, Exchange, Json, Target};

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::at("/tenon/runs").with_parameters().get(list), Endpoint::at("/tenon/runs/{id}").get(find)]
}

/// A run: one extension record, executed for one event.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct RunAnswer {
    /// Its id, which every delivery carries as idempotency key.
    #[schema(example = "run_01kah4h3t7x4c8n2w9z5q7r1ym")]
    id: String,
    /// Where it stands.
    #[schema(value_type = String, pattern = "^(available|running|completed|retryable|dead|cancelled|skipped)$")]
    state: &'static str,
    /// Why it stands there, unless it is completed, and what it waits for.
    reason: Option<String>,
    /// The handler's key.
    #[schema(example = "custom:webhook")]
    key: String,
    /// The trigger of the event.
    #[schema(example = "trigger:post_sale")]
    trigger: String,
    /// The event's id.
    event_id: String,
    /// What the event is about.
    target: Target,
    /// The documentId of the store that the extension record belongs to.
    store: Option<String>,
    /// The extension record.
    extension: ExtensionAnswer,
    /// The record's pattern that matched; null when it was run by hand.
    pattern: Option<String>,
    /// Attempts so far.
    attempt: i64,
    /// How many of them were lost because the worker vanished.
    lost: i64,
    /// How many of them were made ahead of its time, to see whether its destination is back.
    probes: i64,
    /// How many of them met a limit of the receiver's, which uses up no attempt.
    limits: i64,
    /// Attempts before it is dead, not counting the lost ones, those ahead of its time and those that met a limit.
    max_attempts: i64,
    /// 0 for the run that the event made, then counted up with each replay.
    replay: i64,
    /// The id of the run that this one repeats.
    replay_of: Option<String>,
    /// Why there is this run, when someone asked for it: `replayed by token:shop: the receiver is back`.
    cause: Option<String>,
    #[schema(format = DateTime)]
    created_at: String,
    /// When it may run, while it waits.
    #[schema(format = DateTime)]
    due_at: Option<String>,
    /// When it ended.
    #[schema(format = DateTime)]
    finished_at: Option<String>,
    /// The attempts, when they are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<Vec<AttemptAnswer>>,
}

/// The extension record of a run.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExtensionAnswer {
    /// Its id.
    id: i64,
    /// What holds it.
    owner: OwnerAnswer,
}

/// What holds an extension record.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct OwnerAnswer {
    /// `store`, `product`, `subscriber` or `price`.
    #[serde(rename = "type")]
    type_name: String,
    /// The document's id; for a price that of its product, null when it is gone.
    document_id: Option<String>,
    /// The price.
    #[serde(skip_serializing_if = "Option::is_none")]
    price_id: Option<i64>,
}

/// A try of a run.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct AttemptAnswer {
    /// Which attempt, from 1.
    number: i64,
    #[schema(format = DateTime)]
    started_at: String,
    /// How long it took.
    duration_ms: i64,
    /// `done`, `retry`, `limit` when the receiver had enough, `discard`, `gone`, `cancelled` when someone broke it off, or
    /// `lost` when its worker vanished.
    #[schema(example = "done")]
    outcome: String,
    /// A line for people.
    message: Option<String>,
    /// What the handler reported.
    #[schema(value_type = Option<Object>)]
    data: Option<Json>,
    /// What was sent and what came back, secrets masked.
    #[schema(value_type = Vec<Exchange>)]
    exchanges: Json,
}

/// A run with everything about it.
#[derive(Serialize, ToSchema)]
pub(super) struct WholeRun {
    /// The run, with its attempts.
    run: RunAnswer,
    /// What happened.
    event: Event,
}

/// List runs, newest first
#[utoipa::path(get, path = "/tenon/runs", tag = "runs", operation_id = "listRuns",
    params(
        ("state" = Option<String>, Query, description = "Only runs in this state, or in one of several: `dead,cancelled`"),
        ("key" = Option<String>, Query, description = "Only runs of this handler"),
        ("trigger" = Option<String>, Query, description = "Only runs for events of this trigger"),
        ("store" = Option<String>, Query, description = "Only runs of records that belong to the store with this documentId"),
        ("document" = Option<String>, Query, description = "Only runs for events about the document with this documentId"),
        ("event" = Option<String>, Query, description = "Only runs for the event with this id"),
        ("extension" = Option<i64>, Query, description = "Only runs of the extension record with this id"),
        ("from" = Option<String>, Query, description = "Only runs made at this moment or later, ISO 8601"),
        ("to" = Option<String>, Query, description = "Only runs made before this moment"),
        ("filters[state]" = Option<String>, Query, description = "The same as `state`, in the form of other lists; so are `[key]`, `[trigger]`, `[store]`, `[target][documentId]`, `[eventId]`, `[extension][id]`, and `[createdAt][$gte]` and `[$lt]`"),
        ("populate" = Option<String>, Query, description = "`attempts`: with what was sent and what came back"),
        ("pagination[page]" = Option<i64>, Query, description = "The page, from 1"),
        ("pagination[pageSize]" = Option<i64>, Query, description = "Runs on a page, at most 100; 25 if not sent")
    ),
    responses((status = 200, description = "A page of them", body = Page<RunAnswer>), Problems))]
pub(super) async fn list(request: HttpRequest, caller: Caller, reader: Reader) -> Result<HttpResponse> {
    caller.access.require_internals()?;
    page(&request, &reader, None).await
}

/// What runs are filtered by. The record comes last: a list of one record's runs is not filtered by it.
const FILTERABLE: [Filterable; 8] = [
    Filterable { name: "state", by: By::Several("state") },
    Filterable { name: "key", by: By::One("key") },
    Filterable { name: "trigger", by: By::One("trigger") },
    Filterable { name: "store", by: By::One("store") },
    Filterable { name: "target.documentId", by: By::One("document") },
    Filterable { name: "eventId", by: By::One("event") },
    Filterable { name: "createdAt", by: By::Moments("from", "to") },
    Filterable { name: "extension.id", by: By::One("extension") },
];

/// Answers with a page of runs; of this record alone, where it is known from the path.
pub(super) async fn page(request: &HttpRequest, reader: &Reader, extension: Option<i64>) -> Result<HttpResponse> {
    let known = ["state", "key", "trigger", "store", "document", "event", "from", "to", "populate", "extension"];
    let (known, filterable) = match extension {
        Some(_) => (&known[..known.len() - 1], &FILTERABLE[..FILTERABLE.len() - 1]),
        None => (&known[..], &FILTERABLE[..]),
    };
    let asked = Parameters::read_filtered(request.query_string(), known, filterable)?;
    let (mut filter, window) = (filter(&asked)?, asked.window()?);
    filter.extension = extension.or(filter.extension);
    let with_attempts = asked.parsed("populate", populate)?.is_some();
    let (found, total) = reader
        .read(Cost::Expensive, move |conn| {
            let runs = runs::find_page(conn, &filter, window.start(), window.size)?;
            let rows = if with_attempts { runs.iter().map(|run| run.row).collect() } else { Vec::new() };
            let mut attempts = attempts::find_by_runs(conn, rows)?;
            let with = |run: FoundRun| (attempts.remove(&run.row).unwrap_or_default(), run);
            Ok((runs.into_iter().map(with).collect::<Vec<_>>(), runs::count(conn, &filter)?))
        })
        .await?;
    let shown = found.into_iter().map(|(attempts, run)| RunAnswer::new(run, with_attempts.then_some(attempts)));
    answer::json(StatusCode::OK, &Page::new(shown.collect::<Result<_>>()?, window, total))
}

/// Find a run, with its attempts and its event
#[utoipa::path(get, path = "/tenon/runs/{id}", tag = "runs", operation_id = "findRun",
    params(("id" = String, Path, description = "The run's id")),
    responses((status = 200, description = "Everything about it", body = Data<WholeRun>), Problems))]
pub(super) async fn find(id: web::Path<String>, caller: Caller, reader: Reader) -> Result<HttpResponse> {
    caller.access.require_internals()?;
    let found = reader.read(Cost::Cheap, move |conn| whole(conn, &id)).await?;
    answer::data(StatusCode::OK, WholeRun::new(found)?)
}

/// A run with everything about it, as it was found.
pub(super) struct Found(FoundRun, Vec<Attempt>, Event);

/// Finds a run with everything about it.
pub(super) fn whole(conn: &mut Conn, id: &str) -> Result<Found> {
    let run = runs::find(conn, id)?.ok_or(Error::NotFound)?;
    let attempts = attempts::find_by_runs(conn, vec![run.row])?.remove(&run.row).unwrap_or_default();
    let event = events::find(conn, &run.event_id)?.ok_or(Error::NotFound)?;
    Ok(Found(run, attempts, event.event))
}

impl Found {
    pub(super) fn has_ended(&self) -> bool {
        self.0.state.is_end()
    }
}

impl WholeRun {
    pub(super) fn new(Found(run, attempts, event): Found) -> Result<Self> {
        Ok(Self { run: RunAnswer::new(run, Some(attempts))?, event })
    }
}

fn filter(asked: &Parameters) -> Result<RunFilter> {
    let number = |text: &str| text.parse().map_err(|_| "extension must be a number".to_owned());
    Ok(RunFilter {
        states: asked.parsed("state", states)?.unwrap_or_default(),
        key: asked.text("key")?,
        trigger: asked.trigger()?,
        store: asked.text("store")?,
        document: asked.text("document")?,
        event: asked.text("event")?,
        extension: asked.parsed("extension", number)?,
        from: asked.moment("from")?,
        to: asked.moment("to")?,
        ..RunFilter::default()
    })
}

/// States, with commas between them.
pub(super) fn states(text: &str) -> Result<Vec<State>, String> {
    let names = || State::ALL.map(State::as_str).join(", ");
    let state =
        |name: &str| State::parse(name.trim()).ok_or_else(|| format!("state must be one or several of {}", names()));
    text.split(',').map(state).collect()
}

fn populate(text: &str) -> Result<(), String> {
    if matches!(text, "attempts" | "*") { Ok(()) } else { Err("populate must be attempts".to_owned()) }
}

impl RunAnswer {
    pub(super) fn new(run: FoundRun, attempts: Option<Vec<Attempt>>) -> Result<Self> {
        let reason = run.told_reason();
        let waits = matches!(run.state, State::Available | State::Retryable);
        let attempts = attempts.map(|attempts| attempts.into_iter().map(AttemptAnswer::new).collect()).transpose()?;
        Ok(Self {
            id: run.id,
            state: run.state.as_str(),
            reason,
            key: run.key,
            trigger: run.trigger,
            event_id: run.event_id,
            target: run.target,
            store: run.store,
            extension: ExtensionAnswer { id: run.extension_id, owner: OwnerAnswer::new(run.owner) },
            pattern: run.pattern,
            attempt: run.attempt,
            lost: run.lost,
            probes: run.probes,
            limits: run.limits,
            max_attempts: run.max_attempts,
            replay: run.replay,
            replay_of: run.replay_of,
            cause: run.cause,
            created_at: iso(run.created_at),
            due_at: waits.then(|| iso(run.due_at)),
            finished_at: run.finished_at.map(iso),
            attempts,
        })
    }
}

impl OwnerAnswer {
    /// What holds a record, by `owner_field`, `owner_id` and documentId.
    pub(super) fn new((field, owner_id, document_id): (String, i64, Option<String>)) -> Self {
        let type_name = field.split('.').next().unwrap_or_default().to_owned();
        let price_id = (type_name == "price").then_some(owner_id);
        Self { type_name, document_id, price_id }
    }
}

impl AttemptAnswer {
    fn new(attempt: Attempt) -> Result<Self> {
        Ok(Self {
            number: attempt.number,
            started_at: iso(attempt.started_at),
            duration_ms: attempt.duration_ms,
            outcome: attempt.outcome,
            message: attempt.message,
            data: attempt.data.map(Json::parse).transpose()?,
            exchanges: Json::parse(attempt.exchanges)?,
        })
    }
}
