//! Inbound webhooks over HTTP: what services send, and the addresses that they send it to.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer::{self, Data, Problems};
use super::body::{Raw, Submission};
use super::endpoint::Endpoint;
use super::extract::{Cost, Reader};
use super::list::{Page, Parameters};
use super::problem::plain_text;
use crate::access::{Caller, Right};
use crate::clock::iso;
use crate::db::inbound::{self, FoundDelivery, FoundNotice};
use crate::error::{Error, Result};
use crate::handler::Json;
use crate::runner::inbound::{self as service, OpenAddress, Sent, Taken};
use crate::state::AppState;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::at("/hooks/{extensionId}/{token}").post(take),
        Endpoint::at("/tenon/extensions/{id}/inbound").get(address),
        Endpoint::at("/tenon/extensions/{id}/inbound/rotate").post(rotate),
        Endpoint::at("/tenon/extensions/{id}/inbound/deliveries").with_parameters().get(deliveries),
    ]
}

/// What became of a delivery.
#[derive(Serialize, ToSchema)]
pub(super) struct TakenAnswer {
    /// How much it tells of.
    received: usize,
    /// How much of that was not told before.
    new: usize,
    /// How many events were made of it.
    events: usize,
}

/// Where a service sends to for an extension record.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct InboundAnswer {
    /// The record's key.
    #[schema(example = "markket:stripe:webhook")]
    key: String,
    /// The whole address, under the name that this request came to.
    #[schema(example = "https://shop.example/hooks/17/…")]
    url: String,
    /// Its path. The last part is secret.
    #[schema(example = "/hooks/17/…")]
    path: String,
    /// Deliveries that were refused; counted at most once a minute.
    refused: i64,
    /// When one was last counted.
    #[schema(format = DateTime)]
    refused_at: Option<String>,
    /// Why that one was refused.
    refusal: Option<String>,
}

/// A delivery that was taken.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeliveryAnswer {
    /// Its number.
    id: i64,
    #[schema(format = DateTime)]
    received_at: String,
    /// The headers that tell who sent it.
    #[schema(value_type = Object)]
    headers: Json,
    /// The body, to the byte.
    body: String,
    /// `utf-8`, or `base64` where the body is not that.
    #[schema(value_type = String, pattern = "^(utf-8|base64)$")]
    encoding: &'static str,
    /// What it told of for the first time.
    notices: Vec<NoticeAnswer>,
}

/// Something that a delivery told of.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct NoticeAnswer {
    /// The service's own id of it; where it has none, a hash.
    #[schema(example = "evt_1QXkZ2LkdIwHu7ixs8c4lA0q")]
    id: String,
    /// What the service calls it.
    #[schema(example = "invoice.paid")]
    kind: Option<String>,
    /// The event that it became.
    event_id: Option<String>,
}

/// Take what a service sends
///
/// Needs no token: the signature tells who sends. What is new is stored with its events when this is answered; what was
/// sent before is answered the same and makes nothing new. A service that asks whether someone is there is answered with
/// what it wants to hear, as plain text.
///
/// 401 says why the signature is not the service's, 404 that there is no such address, and 409 that the extension record is
/// switched off: whoever sends again later loses nothing. Nothing is stored of what is refused. U+FFFD stands for characters
/// that cannot be read.
#[utoipa::path(post, path = "/hooks/{extensionId}/{token}", tag = "inbound", operation_id = "takeDelivery",
    security(()),
    params(
        ("extensionId" = String, Path, description = "The extension record"),
        ("token" = String, Path, description = "The secret part of its address")
    ),
    request_body(content = Value, description = "Whatever the service sends, signed as the record's handler expects it"),
    responses(
        (status = 200, description = "Stored, or known already",
            content((Data<TakenAnswer> = "application/json"), (String = "text/plain"))),
        Problems
    ))]
pub(super) async fn take(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    body: Raw,
) -> Result<HttpResponse> {
    let (extension_id, token) = path.into_inner();
    let extension_id = number(&extension_id)?;
    let open = service::find_open(&state, extension_id, &token).await?;
    let body = body.read(&format!("hook:{extension_id}")).await?;
    let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
    let headers = request.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value.as_bytes())));
    let sent = Sent { extension_id, headers: headers.collect(), body };
    match service::take(&state, open, sent).await? {
        Taken::Challenge(challenge) => Ok(plain_text(StatusCode::OK, challenge)),
        Taken::Stored { received, new, events } => answer::data(StatusCode::OK, TakenAnswer { received, new, events }),
    }
}

/// Show where a service sends to
///
/// The address is made when it is first asked for.
#[utoipa::path(get, path = "/tenon/extensions/{id}/inbound", tag = "inbound", operation_id = "findInboundAddress",
    params(("id" = i64, Path, description = "The extension record")),
    responses((status = 200, description = "The address of the record", body = Data<InboundAnswer>), Problems))]
pub(super) async fn address(
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<AppState>,
    caller: Caller,
) -> Result<HttpResponse> {
    let found = service::address(&state, &caller, number(&id)?, false).await?;
    answer::data(StatusCode::OK, InboundAnswer::new(&request, found))
}

/// Make a new address
///
/// The old one leads nowhere from then on.
#[utoipa::path(post, path = "/tenon/extensions/{id}/inbound/rotate", tag = "inbound", operation_id = "rotateInboundAddress",
    params(("id" = i64, Path, description = "The extension record")),
    responses((status = 200, description = "The new address of the record", body = Data<InboundAnswer>), Problems))]
pub(super) async fn rotate(
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<AppState>,
    sent: Submission,
) -> Result<HttpResponse> {
    sent.caller.access.require_somewhere(Right::Extensions, state.catalog)?;
    let caller = sent.read().await?.without_members()?;
    let found = service::address(&state, &caller, number(&id)?, true).await?;
    answer::data(StatusCode::OK, InboundAnswer::new(&request, found))
}

/// List what a service sent, newest first
#[utoipa::path(get, path = "/tenon/extensions/{id}/inbound/deliveries", tag = "inbound", operation_id = "listDeliveries",
    params(
        ("id" = i64, Path, description = "The extension record"),
        ("pagination[page]" = Option<i64>, Query, description = "The page, from 1"),
        ("pagination[pageSize]" = Option<i64>, Query, description = "Deliveries on a page, at most 100; 25 if not sent")
    ),
    responses((status = 200, description = "A page of those that were taken", body = Page<DeliveryAnswer>), Problems))]
pub(super) async fn deliveries(
    request: HttpRequest,
    id: web::Path<String>,
    state: web::Data<AppState>,
    caller: Caller,
    reader: Reader,
) -> Result<HttpResponse> {
    let id = number(&id)?;
    service::find_for(&state, &caller, id).await?;
    let window = Parameters::read(request.query_string(), &[])?.window()?;
    let (found, total) = reader
        .read(Cost::Expensive, move |conn| {
            Ok((inbound::find_page(conn, id, window.start(), window.size)?, inbound::count(conn, id)?))
        })
        .await?;
    let shown = found.into_iter().map(DeliveryAnswer::new).collect::<Result<_>>()?;
    answer::json(StatusCode::OK, &Page::new(shown, window, total))
}

fn number(text: &str) -> Result<i64> {
    text.parse().map_err(|_| Error::NotFound)
}

impl InboundAnswer {
    fn new(request: &HttpRequest, OpenAddress { path, key, address }: OpenAddress) -> Self {
        let asked = request.connection_info();
        Self {
            key,
            url: format!("{}://{}{path}", asked.scheme(), asked.host()),
            path,
            refused: address.refused,
            refused_at: address.refused_at.map(iso),
            refusal: address.refusal,
        }
    }
}

impl DeliveryAnswer {
    fn new((delivery, notices): (FoundDelivery, Vec<FoundNotice>)) -> Result<Self> {
        Ok(Self {
            id: delivery.id,
            received_at: iso(delivery.received_at),
            headers: Json::parse(delivery.headers)?,
            body: delivery.body,
            encoding: if delivery.is_base64 { "base64" } else { "utf-8" },
            notices: notices.into_iter().map(NoticeAnswer::from).collect(),
        })
    }
}

impl From<FoundNotice> for NoticeAnswer {
    fn from(FoundNotice { id, kind, event_id }: FoundNotice) -> Self {
        Self { id, kind, event_id }
    }
}
