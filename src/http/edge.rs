//! What surrounds every request: its id, CORS, security headers, the line in the log, and the net below a panic.

use std::cell::Cell;
use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Instant;

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, Uri};
use actix_web::middleware::Next;
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse};
use futures_util::FutureExt as _;

use super::problem;
use crate::clock::Random;
use crate::error::Error;

/// What scripts of other origins may read of an answer's headers.
const EXPOSED: &str = "ETag,Idempotent-Replayed,Retry-After,X-Request-Id";
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
    let origin = request.headers().get(header::ORIGIN).cloned();
    if origin.is_some() && is_preflight(&request) {
        let preflight = preflight(&request);
        let mut response = request.into_response(preflight);
        add_headers(response.headers_mut(), id, origin);
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
        answered.unwrap_or_else(|_| Err(Error::internal("a request panicked").into()))?.map_into_left_body()
    };
    log_answer(&response, &id, started);
    expose(response.headers_mut(), &origin);
    add_headers(response.headers_mut(), id, origin);
    Ok(response)
}

/// What [`around`] does to an answer, for one that did not come its way.
pub(super) fn finish<B>(mut response: ServiceResponse<B>, started: Instant) -> ServiceResponse<B> {
    let request = response.request();
    let (id, origin) = (request_id(request), request.headers().get(header::ORIGIN).cloned());
    log_answer(&response, &id, started);
    expose(response.headers_mut(), &origin);
    add_headers(response.headers_mut(), id, origin);
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

fn is_preflight(request: &ServiceRequest) -> bool {
    request.method() == Method::OPTIONS && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Strapi's answer to a browser that asks before it calls; headers that Strapi does not know are allowed when they are
/// asked for.
fn preflight(request: &ServiceRequest) -> HttpResponse {
    const OURS: [&str; 3] = ["If-Match", "If-None-Match", "Idempotency-Key"];
    let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).and_then(|asked| asked.to_str().ok());
    let asked = asked.unwrap_or_default().to_ascii_lowercase();
    let mut allowed = "Content-Type,Authorization,Origin,Accept".to_owned();
    for name in OURS.into_iter().filter(|name| asked.contains(&name.to_ascii_lowercase())) {
        allowed = allowed + "," + name;
    }
    HttpResponse::NoContent()
        .insert_header((header::ACCESS_CONTROL_ALLOW_METHODS, "GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS"))
        .insert_header((header::ACCESS_CONTROL_ALLOW_HEADERS, allowed))
        .insert_header((header::ACCESS_CONTROL_MAX_AGE, "31536000"))
        .finish()
}

/// Lets scripts of other origins read more of an answer than browsers do by themselves.
fn expose(headers: &mut HeaderMap, origin: &Option<HeaderValue>) {
    if origin.is_some() {
        headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
    }
}

/// Any origin may call, with its token and never with cookies of ours; without an `Origin` Strapi's header is empty.
fn add_headers(headers: &mut HeaderMap, id: HeaderValue, origin: Option<HeaderValue>) {
    let origin = origin.unwrap_or_else(|| HeaderValue::from_static(""));
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    headers.append(header::VARY, HeaderValue::from_static("Origin"));
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

/// Who called, for the log.
struct Actor(String);

/// Has `actor` stand in the log's line on `request`.
pub(super) fn tell_actor(request: &HttpRequest, actor: &str) {
    if log::log_enabled!(log::Level::Debug) {
        request.extensions_mut().insert(Actor(actor.to_owned()));
    }
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

/// U+0000 in a path or a query: PostgreSQL's texts cannot hold it, and nothing is called so.
fn has_nul(request: &ServiceRequest) -> bool {
    request.uri().path_and_query().is_some_and(|asked| asked.as_str().contains("%00"))
}
