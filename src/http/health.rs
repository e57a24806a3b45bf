//! Whether the process lives, and whether it can work.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use serde::Serialize;
use utoipa::ToSchema;

use super::endpoint::Endpoint;
use crate::state::AppState;

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::at("/healthz").get(alive),
        Endpoint::at("/readyz").get(ready),
        Endpoint::at("/_health").get(alive_for_strapi),
    ]
}

/// How it stands.
#[derive(Serialize, ToSchema)]
#[schema(as = Health)]
pub(super) struct Health {
    /// `ok` or `unavailable`.
    status: &'static str,
    /// Why it cannot work.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What works and is slower than it should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<&'static str>,
}

const NOT_LISTENING: &str =
    "the database cannot be listened to: no answer is cached, and other processes' work is found late";

/// Whether the process lives
#[utoipa::path(get, path = "/healthz", tag = "operation", operation_id = "isAlive", security(()),
    responses((status = 200, description = "It lives", body = Health)))]
pub(super) async fn alive() -> HttpResponse {
    tell(None, None)
}

/// Whether the process lives, where Strapi's deployments ask
#[utoipa::path(get, path = "/_health", tag = "operation", operation_id = "isAliveForStrapi", security(()),
    responses((status = 204, description = "It lives")))]
pub(super) async fn alive_for_strapi() -> HttpResponse {
    HttpResponse::NoContent().finish()
}

/// Whether the process can work
///
/// The database can be written, which is tried at most once a second and given a second, and the runner runs and has
/// moved within half a minute. A `warning` says that PostgreSQL's notifications do not come, as through a proxy that
/// shares connections.
#[utoipa::path(get, path = "/readyz", tag = "operation", operation_id = "isReady", security(()),
    responses((status = 200, description = "It can work", body = Health),
        (status = 503, description = "It cannot; `reason` says why", body = Health)))]
pub(super) async fn ready(state: web::Data<AppState>) -> HttpResponse {
    let asked = state.clone().into_inner();
    let write = async move { asked.db.write_and_read_back(asked.clock.now()).await };
    let reason = match state.readiness.obstacle(write).await {
        None if !state.queue.liveness.is_running() => Some("the runner does not run".to_owned()),
        None => state.queue.liveness.find_stuck(state.clock.now()),
        obstacle => obstacle.map(str::to_owned),
    };
    let warning = (!state.db.listens()).then_some(NOT_LISTENING);
    tell(reason, warning)
}

fn tell(reason: Option<String>, warning: Option<&'static str>) -> HttpResponse {
    let (mut response, status) = match reason {
        None => (HttpResponse::Ok(), "ok"),
        Some(_) => (HttpResponse::ServiceUnavailable(), "unavailable"),
    };
    response.insert_header((CACHE_CONTROL, "no-store")).json(Health { status, reason, warning })
}
