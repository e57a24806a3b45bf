//! The prices of a product, one by one.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use serde::Deserialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::body::Submission;
use super::conditional::{self, written};
use super::documents::{asked, described, without_data};
use super::endpoint::Endpoint;
use super::extract::{OfType, Reader};
use crate::access::{Caller, Right};
use crate::content::PRODUCT;
use crate::documents::{self, Operation};
use crate::error::Result;
use crate::state::AppState;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let list = "/api/products/{documentId}/prices";
    let one = format!("{list}/{{priceId}}");
    vec![
        Endpoint::at(list).with_parameters().get(find_many).post(create),
        Endpoint::at(&one).with_parameters().get(find_one).patch(update).delete(delete),
        Endpoint::at(format!("{one}/inventory")).with_parameters().post(count),
    ]
}

/// Whose prices they are.
const PRODUCTS: OfType = OfType(&PRODUCT);

/// What shall be done to the inventory of a price.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct InventoryInput {
    /// What.
    op: InventoryOperation,
    /// By how much, or for `set` to how much; at most 9007199254740991.
    #[schema(minimum = 0, maximum = 9007199254740991i64)]
    quantity: i64,
}

/// What can be done to an inventory.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum InventoryOperation {
    /// A sale: taken off, never below zero.
    Decrement,
    /// A delivery: put on.
    Increment,
    /// Counted anew.
    Set,
}

impl From<InventoryOperation> for Operation {
    fn from(operation: InventoryOperation) -> Self {
        match operation {
            InventoryOperation::Decrement => Self::Decrement,
            InventoryOperation::Increment => Self::Increment,
            InventoryOperation::Set => Self::Set,
        }
    }
}

async fn find_many(
    request: HttpRequest,
    product: web::Path<String>,
    caller: Caller,
    reader: Reader,
) -> Result<HttpResponse> {
    let find = |terms, _| documents::find_prices(&product, request.query_string(), terms);
    conditional::read(&request, caller, &reader, find).await
}

async fn find_one(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    caller: Caller,
    reader: Reader,
) -> Result<HttpResponse> {
    let (product, price) = path.into_inner();
    let find = |terms, _| documents::find_price(&product, price_id(&price), request.query_string(), terms);
    conditional::read(&request, caller, &reader, find).await
}

async fn create(
    request: HttpRequest,
    product: web::Path<String>,
    state: web::Data<AppState>,
    sent: Submission,
) -> Result<HttpResponse> {
    let (asked, data) = asked(&request, PRODUCTS, sent, Right::Update).await?;
    let answer = documents::create_price(&state.into_inner(), asked, product.into_inner(), data).await?;
    Ok(written(StatusCode::CREATED, answer))
}

async fn update(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    sent: Submission,
) -> Result<HttpResponse> {
    let (asked, data) = asked(&request, PRODUCTS, sent, Right::Update).await?;
    let (product, price) = path.into_inner();
    let answer = documents::update_price(&state.into_inner(), asked, (product, price_id(&price)), data).await?;
    Ok(written(StatusCode::OK, answer))
}

async fn delete(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    caller: Caller,
) -> Result<HttpResponse> {
    let (product, price) = path.into_inner();
    let asked = without_data(&request, PRODUCTS, caller)?;
    let answer = documents::delete_price(&state.into_inner(), asked, product, price_id(&price)).await?;
    Ok(written(StatusCode::NO_CONTENT, answer))
}

async fn count(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    state: web::Data<AppState>,
    sent: Submission,
) -> Result<HttpResponse> {
    sent.caller.access.require(Right::Update, &PRODUCT)?;
    let sent = sent.read().await?;
    let body = sent.body.as_ref().and_then(Value::as_object).cloned();
    let (caller, InventoryInput { op, quantity }) = sent.parse()?;
    let (product, price) = path.into_inner();
    let asked = described(&request, PRODUCTS, caller, body.as_ref())?;
    let price = (product, price_id(&price));
    let answer = documents::change_inventory(&state.into_inner(), asked, price, (op.into(), quantity)).await?;
    Ok(written(StatusCode::OK, answer))
}

/// What is no number is the id of no price: they are counted from 1.
fn price_id(text: &str) -> i64 {
    text.parse().unwrap_or(0)
}
