//! Extension records over HTTP, one by one: those of a document, and those of a price.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use utoipa::ToSchema;

use super::answer;
use super::body::Submission;
use super::conditional::{self, written};
use super::documents::{asked, described, without_data};
use super::endpoint::Endpoint;
use super::extract::{Cost, OfType, Reader};
use super::list::{By, Filterable, Page, Parameters};
use crate::access::{Access, Caller, Right};
use crate::db::records::RecordFilter;
use crate::documents::{self, OwnerPath, RecordPath};
use crate::error::Result;
use crate::state::AppState;

/// Where records are: below documents, and below prices.
pub(super) const LISTS: [&str; 2] =
    ["/api/{type}/{documentId}/extensions", "/api/products/{documentId}/prices/{priceId}/extensions"];

pub(super) fn endpoints() -> Vec<Endpoint> {
    let of_holder = |list: &str| {
        [
            Endpoint::at(list).post(create).with_parameters().get(find_many),
            Endpoint::at(format!("{list}/{{id}}")).get(find_one).patch(update).delete(delete),
            Endpoint::at(format!("{list}/{{id}}/toggle")).post(toggle),
        ]
    };
    LISTS.into_iter().flat_map(of_holder).collect()
}

/// What a record shall be switched to.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ToggleInput {
    /// On or off; left out, it becomes what it is not.
    active: Option<bool>,
}

/// Refuses a caller who may not read the records that are held there.
pub(super) fn require_read(path: &OwnerPath, access: Access) -> Result<()> {
    path.require(access, Right::Extensions).or_else(|_| path.require(access, Right::FindOne))
}

/// What records are filtered by.
const FILTERABLE: [Filterable; 2] =
    [Filterable { name: "key", by: By::One("key") }, Filterable { name: "active", by: By::One("active") }];

async fn find_many(request: HttpRequest, path: OwnerPath, caller: Caller, reader: Reader) -> Result<HttpResponse> {
    require_read(&path, caller.access)?;
    let asked = Parameters::read_filtered(request.query_string(), &["key", "active"], &FILTERABLE)?;
    let is_true = |text: &str| text.parse().map_err(|_| "active must be true or false".to_owned());
    let filter = RecordFilter { key: asked.text("key")?, active: asked.parsed("active", is_true)? };
    let window = asked.window()?;
    let page = (window.start(), window.size);
    let (records, total) = reader
        .read(Cost::Cheap, move |conn| conn.snapshot(|conn| documents::find_records(conn, &path, &filter, page)))
        .await?;
    answer::json(StatusCode::OK, &Page::new(records, window, total))
}

async fn find_one(request: HttpRequest, path: RecordPath, caller: Caller, reader: Reader) -> Result<HttpResponse> {
    require_read(&path.holder, caller.access)?;
    let find = move |conn: &mut _| documents::show_record(conn, &path, &[]);
    let found = reader.read(Cost::Cheap, move |conn| conn.snapshot(find)).await?;
    conditional::send_uncached(&request, caller.access, found)
}

async fn create(
    request: HttpRequest,
    path: OwnerPath,
    state: web::Data<AppState>,
    sent: Submission,
) -> Result<HttpResponse> {
    let (asked, data) = asked(&request, OfType(path.content_type), sent, Right::Extensions).await?;
    let answer = documents::create_record(&state.into_inner(), asked, path, data).await?;
    Ok(written(StatusCode::CREATED, answer))
}

async fn update(
    request: HttpRequest,
    path: RecordPath,
    state: web::Data<AppState>,
    sent: Submission,
) -> Result<HttpResponse> {
    let (asked, data) = asked(&request, OfType(path.holder.content_type), sent, Right::Extensions).await?;
    let answer = documents::update_record(&state.into_inner(), asked, path, data).await?;
    Ok(written(StatusCode::OK, answer))
}

async fn delete(
    request: HttpRequest,
    path: RecordPath,
    state: web::Data<AppState>,
    caller: Caller,
) -> Result<HttpResponse> {
    let asked = without_data(&request, OfType(path.holder.content_type), caller)?;
    let answer = documents::delete_record(&state.into_inner(), asked, path).await?;
    Ok(written(StatusCode::NO_CONTENT, answer))
}

async fn toggle(
    request: HttpRequest,
    path: RecordPath,
    state: web::Data<AppState>,
    sent: Submission,
) -> Result<HttpResponse> {
    path.holder.require(sent.caller.access, Right::Extensions)?;
    let sent = sent.read().await?;
    let body = sent.body.as_ref().and_then(|body| body.as_object().cloned());
    let (caller, ToggleInput { active }) = sent.parse_optional()?;
    let asked = described(&request, OfType(path.holder.content_type), caller, body.as_ref())?;
    let answer = documents::toggle_record(&state.into_inner(), asked, path, active).await?;
    Ok(written(StatusCode::OK, answer))
}
