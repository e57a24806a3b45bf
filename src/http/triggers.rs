//! Triggers over HTTP: the catalogue, and emitting them.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::answer::{self, Data, Problems, Sent};
use super::body::Submission;
use super::endpoint::Endpoint;
use super::idempotency;
use crate::access::{Caller, Right};
use crate::content::{Catalog, ContentType};
use crate::error::{Error, Problem, Result};
use crate::nesting;
use crate::queue::ingest::{EmitReceipt, EmitRequest};
use crate::runner;
use crate::state::AppState;
use crate::triggers::{CATALOGUE, Entry, Name, find_in_catalogue};

/// The most triggers of a batch.
const BATCH: usize = 500;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::at("/api/triggers").get(list).post(emit_batch),
        Endpoint::at("/api/triggers/{name}").get(find),
        Endpoint::at("/api/{type}/{documentId}/triggers/{name}").post(emit),
    ]
}

/// A trigger of the catalogue.
#[derive(Serialize, ToSchema)]
pub(super) struct TriggerAnswer {
    /// Its name, in its long form.
    #[schema(example = "trigger:post_sale")]
    name: String,
    /// When it fires.
    description: &'static str,
    /// The type of what it is about.
    target: &'static str,
    /// Who emits it: `change` (a committed change), `caller`, `webhook` (an inbound one) or `runner`.
    source: &'static str,
    /// Other names that it is listened to and emitted under.
    aliases: Vec<String>,
    /// A JSON Schema of its payload.
    #[schema(value_type = Option<Object>)]
    payload: Option<Box<RawValue>>,
}

/// What is sent along with a trigger.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TriggerInput {
    /// Anything that handlers and receivers shall know. `targets`, a list of `{type, documentId, priceId?}`, names
    /// products and prices whose extension records are reached too.
    #[serde(default, deserialize_with = "nesting::read_member")]
    #[schema(value_type = Option<Object>)]
    payload: Option<Value>,
}

/// A trigger of a batch.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct BatchItem {
    /// Its name, with or without `trigger:`.
    #[schema(example = "post_sale")]
    trigger: String,
    /// What it is about.
    target: DocumentInput,
    /// Anything that handlers and receivers shall know.
    #[serde(default, deserialize_with = "nesting::read_member")]
    #[schema(value_type = Option<Object>)]
    payload: Option<Value>,
    /// The same key within 24 hours answers the first event again.
    #[schema(max_length = 255)]
    idempotency_key: Option<String>,
}

/// A document by its type and id.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct DocumentInput {
    /// `store`, `product` or `subscriber`.
    #[serde(rename = "type")]
    type_name: String,
    /// The document's id.
    document_id: String,
}

/// An event that was stored.
#[derive(Serialize, ToSchema)]
pub(super) struct EmittedAnswer {
    /// The event's id.
    #[schema(example = "evt_01kah4h3t6x4c8n2w9z5q7r1ym")]
    id: String,
    /// The trigger, in its long form.
    #[schema(example = "trigger:post_sale")]
    trigger: String,
    /// Whether the event was there already, under the same idempotency key.
    repeated: bool,
}

/// List the triggers of the catalogue
#[utoipa::path(get, path = "/api/triggers", tag = "triggers", operation_id = "listTriggers",
    responses((status = 200, description = "All of them; any other name may be emitted too",
        body = Data<Vec<TriggerAnswer>>), Problems))]
pub(super) async fn list(caller: Caller) -> Result<HttpResponse> {
    caller.access.require_internals()?;
    answer::data(StatusCode::OK, CATALOGUE.iter().map(TriggerAnswer::new).collect::<Result<Vec<_>>>()?)
}

/// Find a trigger of the catalogue
#[utoipa::path(get, path = "/api/triggers/{name}", tag = "triggers", operation_id = "findTrigger",
    params(("name" = String, Path, description = "Its name or an alias of it, with or without `trigger:`", example = "post_sale")),
    responses((status = 200, description = "When it fires and what comes with it", body = Data<TriggerAnswer>), Problems))]
pub(super) async fn find(name: web::Path<String>, caller: Caller) -> Result<HttpResponse> {
    caller.access.require_internals()?;
    let name = Name::parse(&name).map_err(|reason| refused(&["name"], reason))?;
    let entry = find_in_catalogue(name.short()).ok_or(Error::NotFound)?;
    answer::data(StatusCode::OK, TriggerAnswer::new(entry)?)
}

/// Emit a trigger for a document
///
/// The event is stored when this is answered; handlers and receivers are told of it after that. The body may stand in `data`,
/// as other routes have it: `{"data": {"payload": …}}`.
#[utoipa::path(post, path = "/api/{type}/{documentId}/triggers/{name}", tag = "triggers", operation_id = "emitTrigger",
    params(
        ("type" = String, Path, description = "`stores`, `products` or `subscribers`"),
        ("documentId" = String, Path, description = "What it is about"),
        ("name" = String, Path, description = "The trigger, with or without `trigger:`; any name of letters, digits, _ - . :"),
        ("Idempotency-Key" = Option<String>, Header, description = "The same key within 24 hours answers the first event again"),
        ("Tenon-Depth" = Option<u32>, Header, description = "Of the delivery that this call answers, so that circles end; every write takes it")
    ),
    request_body = Option<TriggerInput>,
    responses((status = 202, description = "The event is stored", body = Data<EmittedAnswer>), Problems))]
pub(super) async fn emit(
    request: HttpRequest,
    path: web::Path<(String, String, String)>,
    state: web::Data<AppState>,
    sent: Submission,
) -> Result<HttpResponse> {
    let (plural, document_id, name) = path.into_inner();
    sent.caller.access.require_somewhere(Right::Emit, state.catalog)?;
    let content_type = state.catalog.find_by_plural(&plural).ok_or(Error::NotFound)?;
    sent.caller.access.require(Right::Emit, content_type)?;
    let trigger = Name::parse(&name).map_err(|reason| refused(&["name"], reason))?;
    let idempotency_key = idempotency::key(&request)?.map(str::to_owned);
    let (caller, input) = sent.read().await?.parse_optional::<TriggerInput>()?;
    let emission = EmitRequest { content_type, document_id, trigger, payload: input.payload, idempotency_key };
    let emitted = runner::emit(&state, &caller, emission).await?;
    answer::data(StatusCode::ACCEPTED, EmittedAnswer::from(emitted))
}

/// Emit many triggers at once
///
/// All of them are stored when this is answered, or none.
#[utoipa::path(post, path = "/api/triggers", tag = "triggers", operation_id = "emitTriggers",
    request_body = Sent<Vec<BatchItem>>,
    responses((status = 202, description = "The events are stored, in the same order",
        body = Data<Vec<EmittedAnswer>>), Problems))]
pub(super) async fn emit_batch(state: web::Data<AppState>, sent: Submission) -> Result<HttpResponse> {
    sent.caller.access.require_somewhere(Right::Emit, state.catalog)?;
    let (caller, items) = sent.read().await?.parse_list::<BatchItem>()?;
    if items.len() > BATCH {
        return Err(Error::Validation(format!("at most {BATCH} triggers are emitted at once")));
    }
    let emissions = items
        .into_iter()
        .enumerate()
        .map(|(place, item)| item.emission(state.catalog, place))
        .collect::<Result<Vec<_>>>()?;
    emissions.iter().try_for_each(|emission| caller.access.require(Right::Emit, emission.content_type))?;
    let emitted = runner::emit_all(&state, &caller, emissions).await?;
    answer::data(StatusCode::ACCEPTED, emitted.into_iter().map(EmittedAnswer::from).collect::<Vec<_>>())
}

fn refused(path: &[&str], message: String) -> Error {
    let path = path.iter().map(|part| (*part).to_owned()).collect();
    Error::Invalid(vec![Problem { path, message, value: None }])
}

impl BatchItem {
    fn emission(self, catalog: &Catalog, place: usize) -> Result<EmitRequest> {
        let at = place.to_string();
        let trigger = Name::parse(&self.trigger).map_err(|reason| refused(&["data", &at, "trigger"], reason))?;
        let content_type: &'static ContentType = catalog.find_by_singular(&self.target.type_name).ok_or_else(|| {
            let message = format!("data[{at}].target.type must be store, product or subscriber");
            refused(&["data", &at, "target", "type"], message)
        })?;
        if !self.idempotency_key.as_deref().is_none_or(idempotency::is_key) {
            let message = format!("data[{at}].idempotencyKey must have 1 to {} characters", idempotency::LONGEST);
            return Err(refused(&["data", &at, "idempotencyKey"], message));
        }
        Ok(EmitRequest {
            content_type,
            document_id: self.target.document_id,
            trigger,
            payload: self.payload,
            idempotency_key: self.idempotency_key,
        })
    }
}

impl TriggerAnswer {
    fn new(entry: &Entry) -> Result<Self> {
        let payload = (!entry.payload.is_empty()).then(|| RawValue::from_string(entry.payload.to_owned()));
        Ok(Self {
            name: format!("trigger:{}", entry.name),
            description: entry.description,
            target: entry.target,
            source: entry.source.as_str(),
            aliases: entry.aliases.iter().map(|alias| format!("trigger:{alias}")).collect(),
            payload: payload.transpose()?,
        })
    }
}

impl From<EmitReceipt> for EmittedAnswer {
    fn from(emitted: EmitReceipt) -> Self {
        Self { id: emitted.id, trigger: emitted.trigger, repeated: emitted.repeated }
    }
}
