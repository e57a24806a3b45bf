//! The directory of handlers over HTTP: what can be put into an extension record's `key`, and what its config may hold.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};

use super::answer::{self, Data, Problems};
use super::routes::Endpoint;
use crate::access::Caller;
use crate::error::{Error, Result};
use crate::handler::Description;
use crate::state::AppState;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::at("/api/extensions/handlers").get(list), Endpoint::at("/api/extensions/handlers/{key}").get(find)]
}

/// List the handlers
#[utoipa::path(get, path = "/api/extensions/handlers", tag = "extensions", operation_id = "listHandlers",
    responses((status = 200, description = "All of them, by key", body = Data<Vec<Description>>), Problems))]
pub(super) async fn list(state: web::Data<AppState>, caller: Caller) -> Result<HttpResponse> {
    caller.access.require_internals()?;
    answer::data(StatusCode::OK, state.handlers.entries().map(|entry| entry.description()).collect::<Vec<_>>())
}

/// Find a handler
#[utoipa::path(get, path = "/api/extensions/handlers/{key}", tag = "extensions", operation_id = "findHandler",
    params(("key" = String, Path, description = "Its key, or an alias of it", example = "custom:webhook")),
    responses((status = 200, description = "What it does and what it needs", body = Data<Description>), Problems))]
pub(super) async fn find(state: web::Data<AppState>, key: web::Path<String>, caller: Caller) -> Result<HttpResponse> {
    caller.access.require_internals()?;
    answer::data(StatusCode::OK, state.handlers.find(&key).ok_or(Error::NotFound)?.description())
}
