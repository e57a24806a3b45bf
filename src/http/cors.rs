//! Which answers scripts of other origins may read (CORS).
//!
//! Callers say who they are with a token that their script sends, never with what a browser adds by itself. So no answer
//! allows credentials, and pages with a session, which go by cookies, have no part in this at all.

use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};

use crate::state::AppState;

/// What is open to scripts of other origins: these paths and all below them. Whatever else there is, or comes to be, is not.
const OPEN: [&str; 3] = ["/api", "/tenon", "/openapi.json"];

/// What such scripts may read of an answer's headers.
const EXPOSED: &str = "ETag,Idempotent-Replayed,Retry-After,X-Request-Id";

/// How a request stands to CORS.
pub(super) struct Cors {
    /// Whether its path is open to scripts of other origins.
    is_open: bool,
    /// What the answer allows; none when the script may read nothing.
    allowed: Option<HeaderValue>,
    /// Whether a script of another origin asks.
    is_foreign: bool,
}

impl Cors {
    pub(super) fn of(request: &HttpRequest) -> Self {
        let path = request.path();
        let is_below =
            |open: &str| path.strip_prefix(open).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let is_open = OPEN.into_iter().any(is_below);
        let origin = request.headers().get(header::ORIGIN);
        let allowed = || {
            let state = request.app_data::<web::Data<AppState>>()?;
            let allowed = state.config.cors_origins.allowed(origin.and_then(|origin| origin.to_str().ok()))?;
            HeaderValue::from_str(allowed).ok()
        };
        Self { is_open, allowed: if is_open { allowed() } else { None }, is_foreign: origin.is_some() }
    }

    /// The answer to a browser that asks whether its script may call; `None` when the request is something else.
    pub(super) fn preflight(&self, request: &HttpRequest) -> Option<HttpResponse> {
        let asks = request.method() == Method::OPTIONS
            && self.is_foreign
            && request.headers().contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        if !asks || !self.is_open {
            return None;
        }
        let mut answer = HttpResponse::NoContent().finish();
        if self.allowed.is_some() {
            allow(answer.headers_mut(), request);
        }
        Some(answer)
    }

    /// Lets the script read the answer with these headers, or not.
    pub(super) fn add_to(self, headers: &mut HeaderMap) {
        if !self.is_open {
            return;
        }
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
        let Some(allowed) = self.allowed else { return };
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        if self.is_foreign {
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        }
    }
}

/// What Strapi allows; headers that Strapi does not know are allowed when they are asked for.
fn allow(headers: &mut HeaderMap, request: &HttpRequest) {
    const OURS: [&str; 3] = ["If-Match", "If-None-Match", "Idempotency-Key"];
    let asked = request.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS).and_then(|asked| asked.to_str().ok());
    let asked = asked.unwrap_or_default().to_ascii_lowercase();
    let asked = |name: &&str| asked.contains(&name.to_ascii_lowercase());
    let names: Vec<&str> = ["Content-Type", "Authorization", "Origin", "Accept"]
        .into_iter()
        .chain(OURS.into_iter().filter(asked))
        .collect();
    let methods = HeaderValue::from_static("GET,POST,PUT,PATCH,DELETE,HEAD,OPTIONS");
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    if let Ok(names) = HeaderValue::try_from(names.join(",")) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, names);
    }
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("31536000"));
}
