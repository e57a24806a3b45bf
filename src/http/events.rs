//! Events over HTTP: what happened, and which runs it made.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{self, Data, Problems};
use super::endpoint::Endpoint;
use super::extract::{Cost, Reader};
use super::list::{By, Filterable, Page, Parameters};
use super::runs::RunAnswer;
use crate::access::Caller;
use crate::clock::iso;
use crate::db::events::{self, EventFilter, FoundEvent};
use crate::db::runs::{self, RunFilter};
use crate::error::{Error, Result};
use crate::handler::{Json, StoreRef, Target};

/// How many runs of an event are shown with it.
const RUNS: i64 = 100;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::at("/tenon/events").with_parameters().get(list), Endpoint::at("/tenon/events/{id}").get(find)]
}

/// An event, as it was stored with the change it tells of.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventAnswer {
    /// Its id, the same on every delivery.
    #[schema(example = "evt_01kah4h3t6x4c8n2w9z5q7r1ym")]
    id: String,
    /// The trigger.
    #[schema(example = "trigger:post_sale")]
    trigger: String,
    #[schema(format = DateTime)]
    occurred_at: String,
    /// When its runs were made; null while it waits for that.
    #[schema(format = DateTime)]
    dispatched_at: Option<String>,
    /// What it is about.
    target: Target,
    /// The store it belongs to.
    store: Option<StoreRef>,
    /// The entity as it was, without credentials.
    #[schema(value_type = Object)]
    data: Json,
    /// What changed: `{path: {from, to}}`.
    #[schema(value_type = Option<Object>)]
    changes: Option<Json>,
    /// What the caller sent along.
    #[schema(value_type = Option<Object>)]
    payload: Option<Json>,
    /// Who caused it.
    actor: String,
}

/// An event in short.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventRef {
    /// Its id.
    #[schema(example = "evt_01kah4h3t6x4c8n2w9z5q7r1ym")]
    id: String,
    #[schema(format = DateTime)]
    occurred_at: String,
    /// When its runs were made; null while it waits for that.
    #[schema(format = DateTime)]
    dispatched_at: Option<String>,
    /// What it is about.
    target: Target,
}

/// An event with its runs.
#[derive(Serialize, ToSchema)]
pub(super) struct WholeEvent {
    /// The event.
    event: EventAnswer,
    /// Its runs, the newest first, at most 100; `/tenon/runs?event=` has all.
    runs: Vec<RunAnswer>,
}

/// What events are filtered by.
const FILTERABLE: [Filterable; 4] = [
    Filterable { name: "trigger", by: By::One("trigger") },
    Filterable { name: "store.documentId", by: By::One("store") },
    Filterable { name: "target.documentId", by: By::One("document") },
    Filterable { name: "occurredAt", by: By::Moments("from", "to") },
];

/// List events, newest first
#[utoipa::path(get, path = "/tenon/events", tag = "events", operation_id = "listEvents",
    params(
        ("trigger" = Option<String>, Query, description = "Only events of this trigger"),
        ("store" = Option<String>, Query, description = "Only events of the store with this documentId"),
        ("document" = Option<String>, Query, description = "Only events about the document with this documentId"),
        ("from" = Option<String>, Query, description = "Only events that happened at this moment or later, ISO 8601"),
        ("to" = Option<String>, Query, description = "Only events that happened before this moment"),
        ("filters[trigger]" = Option<String>, Query, description = "The same as `trigger`, in the form of other lists; so are `[store][documentId]`, `[target][documentId]`, and `[occurredAt][$gte]` and `[$lt]`"),
        ("pagination[page]" = Option<i64>, Query, description = "The page, from 1"),
        ("pagination[pageSize]" = Option<i64>, Query, description = "Events on a page, at most 100; 25 if not sent")
    ),
    responses((status = 200, description = "A page of them", body = Page<EventAnswer>), Problems))]
pub(super) async fn list(request: HttpRequest, caller: Caller, reader: Reader) -> Result<HttpResponse> {
    caller.access.require_internals()?;
    let known = ["trigger", "store", "document", "from", "to"];
    let asked = Parameters::read_filtered(request.query_string(), &known, &FILTERABLE)?;
    let (store, document, window) = (asked.text("store")?, asked.text("document")?, asked.window()?);
    let (from, to) = (asked.moment("from")?, asked.moment("to")?);
    let filter = EventFilter { trigger: asked.trigger()?, store, document, from, to };
    let (found, total) = reader
        .read(Cost::Expensive, move |conn| {
            let page = events::find_page(conn, &filter, window.start(), window.size)?;
            Ok((page, events::count(conn, &filter)?))
        })
        .await?;
    answer::json(StatusCode::OK, &Page::new(found.into_iter().map(EventAnswer::from).collect(), window, total))
}

/// Find an event, with its runs
#[utoipa::path(get, path = "/tenon/events/{id}", tag = "events", operation_id = "findEvent",
    params(("id" = String, Path, description = "The event's id")),
    responses((status = 200, description = "The event and its runs", body = Data<WholeEvent>), Problems))]
pub(super) async fn find(id: web::Path<String>, caller: Caller, reader: Reader) -> Result<HttpResponse> {
    caller.access.require_internals()?;
    let (event, found) = reader
        .read(Cost::Cheap, move |conn| {
            let event = events::find(conn, &id)?.ok_or(Error::NotFound)?;
            let filter = RunFilter { event: Some(event.event.id.clone()), ..RunFilter::default() };
            Ok((event, runs::find_page(conn, &filter, 0, RUNS)?))
        })
        .await?;
    let runs = found.into_iter().map(|run| RunAnswer::new(run, None)).collect::<Result<_>>()?;
    answer::data(StatusCode::OK, WholeEvent { event: event.into(), runs })
}

impl From<FoundEvent> for EventRef {
    fn from(found: FoundEvent) -> Self {
        let event = found.event;
        let (occurred_at, dispatched_at) = (iso(event.occurred_at), found.dispatched_at.map(iso));
        Self { id: event.id, occurred_at, dispatched_at, target: event.target }
    }
}

impl From<FoundEvent> for EventAnswer {
    fn from(found: FoundEvent) -> Self {
        let event = found.event;
        Self {
            id: event.id,
            trigger: event.trigger,
            occurred_at: iso(event.occurred_at),
            dispatched_at: found.dispatched_at.map(iso),
            target: event.target,
            store: event.store,
            data: event.data,
            changes: event.changes,
            payload: event.payload,
            actor: event.actor,
        }
    }
}
