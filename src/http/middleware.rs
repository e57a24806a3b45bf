//! What surrounds every request: its id, CORS, security headers, the line in the log, and the net below a panic.

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Instant;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Uri;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{HttpMessage as _, HttpRequest};
use futures_util::FutureExt as _;

use super::cors::Cors;
use super::extract::Actor;
use super::{misnamed, problem};
use crate::clock::Random;
use crate::error::Error;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Makes ids for the requests of one worker: chance once, then a count.
#[derive(Clone)]
pub(super) struct RequestIds {
    prefix: Rc<str>,
    next: Rc<Cell<u64>>,
}

impl RequestIds {
    pub(super) fn new(random: &dyn Random) -> Self {
        let mut bytes = [0; 8];
        random.fill(&mut bytes);
        Self { prefix: format!("{:016x}", u64::from_be_bytes(bytes)).into(), next: Rc::default() }
    }

    fn make(&self) -> HeaderValue {
        let number = self.next.get();
        self.next.set(number + 1);
        HeaderValue::try_from(format!("{}-{number}", self.prefix)).unwrap_or_else(|_| HeaderValue::from_static("none"))
    }
}

/// Runs around every request.
pub(super) async fn around<B: MessageBody>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, actix_web::Error> {
    let id = request_id(request.request());
    let cors = Cors::of(request.request());
    if let Some(preflight) = cors.preflight(request.request()) {
        let mut response = request.into_response(preflight);
        add_headers(response.headers_mut(), id, cors);
        return Ok(response.map_into_right_body());
    }
    let started = Instant::now();
    trim_slash(&mut request);
    let mut response = if has_nul(&request) {
        request
            .error_response(Error::Validation("the character U+0000 cannot be asked for".to_owned()))
            .map_into_right_body()
    } else {
        let answered = AssertUnwindSafe(next.call(request)).catch_unwind().await;
        let answered = answered.unwrap_or_else(|_| Err(Error::internal("a request panicked").into()))?;
        misnamed::explain(answered.map_into_left_body()).await
    };
    log_answer(&response, &id, started);
    add_headers(response.headers_mut(), id, cors);
    Ok(response)
}

/// What [`around`] does to an answer, for one that did not come its way.
pub(super) fn finish<B>(mut response: ServiceResponse<B>, started: Instant) -> ServiceResponse<B> {
    let request = response.request();
    let (id, cors) = (request_id(request), Cors::of(request));
    log_answer(&response, &id, started);
    add_headers(response.headers_mut(), id, cors);
    response
}

/// The caller's own id if it is fit for a log, else a new one.
fn request_id(request: &HttpRequest) -> HeaderValue {
    let fit = |id: &&HeaderValue| {
        let bytes = id.as_bytes();
        (1..=128).contains(&bytes.len())
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
    };
    let sent = request.headers().get(REQUEST_ID).filter(fit).cloned();
    sent.or_else(|| request.app_data::<RequestIds>().map(RequestIds::make))
        .unwrap_or_else(|| HeaderValue::from_static("none"))
}

fn add_headers(headers: &mut HeaderMap, id: HeaderValue, cors: Cors) {
    cors.add_to(headers);
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("SAMEORIGIN"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(REQUEST_ID, id);
}

/// Faults of ours with all their causes; every other request only when the log is asked for it. Never a query string or
/// a body, which may hold what is private.
fn log_answer<B>(response: &ServiceResponse<B>, id: &HeaderValue, started: Instant) {
    let (request, status) = (response.request(), response.status());
    let id = id.to_str().unwrap_or_default();
    let error = response.response().error().and_then(|error| error.as_error::<Error>());
    if let (true, Some(error)) = (status.is_server_error(), error) {
        let (path, status) = (logged_path(request), status.as_u16());
        log::error!("{} {path} {status} {id}: {}", request.method(), problem::chain(error));
    }
    if log::log_enabled!(log::Level::Debug) {
        let took = started.elapsed().as_secs_f64() * 1000.0;
        let extensions = request.extensions();
        let actor = extensions.get::<Actor>().map_or("-", |Actor(actor)| actor);
        let (path, status) = (logged_path(request), status.as_u16());
        log::debug!("{} {path} {status} {took:.1} ms {actor} {id}", request.method());
    }
}

/// The path of `request`; only its pattern where a part of it is secret.
fn logged_path(request: &HttpRequest) -> String {
    let pattern = request.match_pattern().filter(|pattern| pattern.contains("{token}"));
    pattern.unwrap_or_else(|| request.path().to_owned())
}

/// A path with a slash at its end is the same path, as in Strapi's router.
fn trim_slash(request: &mut ServiceRequest) {
    let Some(path) = request.path().strip_suffix('/').filter(|path| !path.is_empty()) else { return };
    let trimmed = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = trimmed.try_into().ok();
    if let Ok(uri) = Uri::from_parts(parts) {
        request.match_info_mut().get_mut().update(&uri);
        request.head_mut().uri = uri;
    }
}

/// U+0000 in a path: PostgreSQL's texts cannot hold it, and nothing is called so. Who reads the query looks for it there.
fn has_nul(request: &ServiceRequest) -> bool {
    request.uri().path().contains("%00")
}
