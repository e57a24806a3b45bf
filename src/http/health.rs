//! Whether the process lives, and whether it can work.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use serde_json::json;

use super::routes::Endpoint;
use crate::state::AppState;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![Endpoint::at("/healthz").get(alive), Endpoint::at("/readyz").get(ready)]
}

/// The process answers.
async fn alive() -> HttpResponse {
    HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(json!({"status": "ok"}))
}

/// The process can work: the database answers.
async fn ready(state: web::Data<AppState>) -> HttpResponse {
    let (mut response, reason) = match state.db.read(|conn| conn.ping()).await {
        Ok(()) => (HttpResponse::Ok(), None),
        Err(error) => (HttpResponse::ServiceUnavailable(), Some(error.to_string())),
    };
    let status = if reason.is_none() { "ok" } else { "unavailable" };
    response.insert_header((CACHE_CONTROL, "no-store")).json(json!({"status": status, "reason": reason}))
}
