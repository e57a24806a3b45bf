//! The documents of every content type: one set of routes, made once for each type.

use actix_web::http::StatusCode;
use actix_web::http::header::IF_MATCH;
use actix_web::{HttpRequest, HttpResponse, web};
use serde_json::{Map, Value};

use super::body::Submission;
use super::conditional::{self, form, written};
use super::endpoint::Endpoint;
use super::extract::{OfType, Reader};
use super::idempotency;
use super::list::Parameters;
use super::subscriptions;
use crate::access::{Caller, Right};
use crate::content::{self, Catalog, ContentType};
use crate::documents::{self, Action, IdempotencyKey, IfMatch, Request};
use crate::error::Result;
use crate::query::Warning;
use crate::state::AppState;

pub(super) fn endpoints(catalog: &Catalog) -> Vec<Endpoint> {
    let of_type = |content_type: &'static ContentType| {
        let list = format!("/api/{}", content_type.plural);
        let one = format!("{list}/{{documentId}}");
        let action = |name: &str| Endpoint::at(format!("{one}/actions/{name}")).with_parameters();
        let endpoints = [
            Endpoint::at(&list).with_parameters().get(find_many).post(create),
            Endpoint::at(&one).with_parameters().get(find_one).put(update).delete(delete),
            action("publish").post(publish).delete(unpublish),
            action("unpublish").post(unpublish),
            action("discard").post(discard),
        ];
        endpoints.map(|endpoint| endpoint.with(OfType(content_type)))
    };
    catalog.types().flat_map(of_type).collect()
}

async fn find_many(request: HttpRequest, of: OfType, caller: Caller, reader: Reader) -> Result<HttpResponse> {
    let find = |terms, form| documents::find_many(of.0, request.query_string(), terms, form);
    conditional::read(&request, caller, &reader, find).await
}

async fn find_one(
    request: HttpRequest,
    of: OfType,
    document_id: web::Path<String>,
    caller: Caller,
    reader: Reader,
) -> Result<HttpResponse> {
    let find = |terms, form| documents::find_one(of.0, &document_id, request.query_string(), terms, form);
    conditional::read(&request, caller, &reader, find).await
}

async fn create(
    request: HttpRequest,
    of: OfType,
    state: web::Data<AppState>,
    sent: Submission,
) -> Result<HttpResponse> {
    if subscriptions::is_subscription(of.0, &sent) {
        return subscriptions::create(&request, state, sent).await;
    }
    let (asked, data) = asked_of_document(&request, of, sent, Right::Create).await?;
    let answer = documents::create(&state.into_inner(), asked, data).await?;
    Ok(written(StatusCode::CREATED, answer))
}

async fn update(
    request: HttpRequest,
    of: OfType,
    document_id: web::Path<String>,
    state: web::Data<AppState>,
    sent: Submission,
) -> Result<HttpResponse> {
    let (asked, data) = asked_of_document(&request, of, sent, Right::Update).await?;
    let answer = documents::update(&state.into_inner(), asked, document_id.into_inner(), data).await?;
    Ok(written(StatusCode::OK, answer))
}

async fn delete(
    request: HttpRequest,
    of: OfType,
    document_id: web::Path<String>,
    state: web::Data<AppState>,
    caller: Caller,
) -> Result<HttpResponse> {
    let asked = without_data(&request, of, caller)?;
    let answer = documents::delete(&state.into_inner(), asked, document_id.into_inner()).await?;
    Ok(written(StatusCode::NO_CONTENT, answer))
}

async fn publish(
    request: HttpRequest,
    of: OfType,
    document_id: web::Path<String>,
    state: web::Data<AppState>,
    sent: Submission,
) -> Result<HttpResponse> {
    act(asked_to_act(&request, of, sent).await?, document_id, state, Action::Publish).await
}

async fn unpublish(
    request: HttpRequest,
    of: OfType,
    document_id: web::Path<String>,
    state: web::Data<AppState>,
    sent: Submission,
) -> Result<HttpResponse> {
    act(asked_to_act(&request, of, sent).await?, document_id, state, Action::Unpublish).await
}

async fn discard(
    request: HttpRequest,
    of: OfType,
    document_id: web::Path<String>,
    state: web::Data<AppState>,
    sent: Submission,
) -> Result<HttpResponse> {
    act(asked_to_act(&request, of, sent).await?, document_id, state, Action::Discard).await
}

async fn act(
    asked: Request,
    document_id: web::Path<String>,
    state: web::Data<AppState>,
    action: Action,
) -> Result<HttpResponse> {
    let answer = documents::act(&state.into_inner(), asked, document_id.into_inner(), action).await?;
    Ok(written(StatusCode::OK, answer))
}

/// What is asked of a document with a body like Strapi's. What that ignores is ignored here too, with a warning.
async fn asked_of_document(
    request: &HttpRequest,
    of: OfType,
    sent: Submission,
    right: Right,
) -> Result<(Request, Map<String, Value>)> {
    sent.caller.access.require(right, of.0)?;
    let (caller, data, beside) = sent.read().await?.into_document()?;
    let data = content::object(data)?;
    let mut asked = described(request, of, caller, Some(&data))?;
    asked.ignored = beside.into_iter().map(|name| Warning::new([name], "stands beside data and was ignored")).collect();
    for (name, message) in IGNORED.into_iter().filter(|(name, _)| data.contains_key(*name)) {
        asked.ignored.push(Warning::new([name.to_owned()], message));
    }
    Ok((asked, data))
}

/// Members of `data` that Strapi takes and does nothing with.
const IGNORED: [(&str, &str); 2] = [
    ("publishedAt", "was ignored: a save publishes unless the query says status=draft"),
    ("locale", "was ignored: a document has one text, whatever the locale"),
];

/// The permission comes before the body: whoever may not write is told so, whatever was sent.
pub(super) async fn asked(
    request: &HttpRequest,
    of: OfType,
    sent: Submission,
    right: Right,
) -> Result<(Request, Map<String, Value>)> {
    sent.caller.access.require(right, of.0)?;
    let (caller, data) = sent.read().await?.into_data()?;
    let data = content::object(data)?;
    Ok((described(request, of, caller, Some(&data))?, data))
}

/// What is asked of an action, which takes no more than what of the document it shall answer.
async fn asked_to_act(request: &HttpRequest, of: OfType, sent: Submission) -> Result<Request> {
    sent.caller.access.require(Right::Update, of.0)?;
    Parameters::read(request.query_string(), &["fields", "populate"])?;
    without_data(request, of, sent.read().await?.without_members()?)
}

pub(super) fn without_data(request: &HttpRequest, of: OfType, caller: Caller) -> Result<Request> {
    described(request, of, caller, None)
}

pub(super) fn described(
    request: &HttpRequest,
    of: OfType,
    caller: Caller,
    data: Option<&Map<String, Value>>,
) -> Result<Request> {
    let if_match = request.headers().get(IF_MATCH).map(|header| IfMatch::parse(header.to_str().unwrap_or_default()));
    let once = idempotency_key(request, &caller, data)?;
    let query = request.query_string().to_owned();
    let ignored = Vec::new();
    Ok(Request { content_type: of.0, caller, query, form: form(request), if_match, once, ignored })
}

/// The key that `request` was sent under, if it was, with all that makes it this request.
pub(super) fn idempotency_key(
    request: &HttpRequest,
    caller: &Caller,
    data: Option<&Map<String, Value>>,
) -> Result<Option<IdempotencyKey>> {
    let Some(key) = idempotency::key(request)? else { return Ok(None) };
    let target = request.uri().path_and_query().map_or("", |target| target.as_str());
    let parts = [request.method().as_str(), target, &serde_json::to_string(&data)?];
    Ok(Some(IdempotencyKey::new(&caller.key_owner(), key, &parts)))
}
