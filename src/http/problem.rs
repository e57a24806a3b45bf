//! How errors read on the wire: Strapi's body `{data: null, error: {status, name, message, details}}`.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use serde_json::{Value, json};

use crate::error::{Error, KeyPath, Problem, Race, Source};

/// The type of everything that is answered as JSON.
pub(super) const JSON: &str = "application/json; charset=utf-8";

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        face(self).0
    }

    fn error_response(&self) -> HttpResponse {
        let (status, name) = face(self);
        if status == StatusCode::METHOD_NOT_ALLOWED {
            return plain(status, "Method Not Allowed");
        }
        let mut error = json!({"status": status.as_u16(), "name": name, "message": message(self)});
        if let Some(details) = details(self) {
            error["details"] = details;
        }
        let mut response =
            HttpResponse::build(status).content_type(JSON).body(json!({"data": null, "error": error}).to_string());
        let after = match self {
            Self::TooMany { after, .. } => Some(*after),
            Self::Unavailable(_) | Self::Raced(_) => Some(1),
            _ => None,
        };
        if let Some(after) = after {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(after));
        }
        response
    }
}

/// An answer without JSON, as Strapi's router gives it.
pub(super) fn plain(status: StatusCode, text: &'static str) -> HttpResponse {
    plain_text(status, text.to_owned())
}

/// An answer that is a text.
pub(super) fn plain_text(status: StatusCode, text: String) -> HttpResponse {
    let mut response = HttpResponse::with_body(status, text).map_into_boxed_body();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// The status and the name that clients match on.
fn face(error: &Error) -> (StatusCode, &'static str) {
    match error {
        Error::NotFound | Error::Misnamed { .. } => (StatusCode::NOT_FOUND, "NotFoundError"),
        Error::Validation(_) | Error::Parameter { .. } | Error::Invalid(_) | Error::InvalidKey { .. } => {
            (StatusCode::BAD_REQUEST, "ValidationError")
        }
        Error::Application(_) => (StatusCode::BAD_REQUEST, "ApplicationError"),
        Error::Pagination(_) => (StatusCode::BAD_REQUEST, "PaginationError"),
        Error::Syntax(_) => (StatusCode::BAD_REQUEST, "SyntaxError"),
        Error::Unauthorized { .. } => (StatusCode::UNAUTHORIZED, "UnauthorizedError"),
        Error::Forbidden | Error::MissingRight { .. } | Error::RecordsForbidden { .. } => {
            (StatusCode::FORBIDDEN, "ForbiddenError")
        }
        Error::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowedError"),
        Error::PreconditionFailed(_) => (StatusCode::PRECONDITION_FAILED, "PreconditionFailedError"),
        Error::Conflict(_) | Error::OutOfStock { .. } | Error::Raced(Race::Unique) => {
            (StatusCode::CONFLICT, "ConflictError")
        }
        Error::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "PayloadTooLargeError"),
        Error::UnsupportedMediaType(_) => (StatusCode::UNSUPPORTED_MEDIA_TYPE, "UnsupportedMediaTypeError"),
        Error::TooMany { .. } => (StatusCode::TOO_MANY_REQUESTS, "RateLimitError"),
        Error::Unavailable(_) | Error::Raced(_) => (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailableError"),
        Error::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError"),
    }
}

/// What went wrong; of a fault of ours nothing is told.
fn message(error: &Error) -> String {
    match error {
        Error::Internal(_) => "Internal Server Error".to_owned(),
        told => told.to_string(),
    }
}

/// The details, which Strapi leaves out of some errors.
fn details(error: &Error) -> Option<Value> {
    match error {
        Error::Syntax(_) | Error::TooLarge | Error::Internal(_) => None,
        Error::RecordsForbidden { path, right } => {
            let told = json!({"path": path, "message": error.to_string(), "name": "ForbiddenError"});
            Some(json!({"right": right, "errors": [told]}))
        }
        Error::Invalid(problems) => Some(json!({"errors": problems.iter().map(problem).collect::<Vec<_>>()})),
        Error::Parameter { param, .. } => Some(json!({"source": "query", "param": param})),
        Error::InvalidKey { key, path, source_of, suggestion } => {
            let mut shown = invalid_key(key, path, *source_of);
            if let Some(suggestion) = suggestion {
                shown["nearest"] = json!(suggestion);
            }
            Some(shown)
        }
        Error::OutOfStock { left, asked } => Some(json!({"inventory": left, "quantity": asked})),
        Error::Unauthorized { hint: Some(hint), .. } => Some(hinted("Authorization", hint)),
        Error::MissingRight { needed, has_token } => Some(hinted("Authorization", &missing(needed, *has_token))),
        Error::Misnamed { param, hint } => Some(hinted(param, hint)),
        _ => Some(json!({})),
    }
}

/// What helps with an error whose details are empty in Strapi: in the form of `meta.warnings`, which its clients pass over.
fn hinted(place: &str, hint: &str) -> Value {
    json!({"warnings": [{"path": [place], "message": hint}]})
}

fn missing(needed: &str, has_token: bool) -> String {
    match has_token {
        true => format!("this needs {needed}, which the token that was sent does not have"),
        false => format!("this needs {needed}; no token was seen: send Authorization: Bearer <token>"),
    }
}

fn problem(problem: &Problem) -> Value {
    let mut shown = json!({"path": problem.path, "message": problem.message, "name": "ValidationError"});
    if let Some(value) = &problem.value {
        shown["value"] = value.clone();
    }
    shown
}

fn invalid_key(key: &str, path: &KeyPath, source: Source) -> Value {
    let mut shown = json!({"key": key});
    match path {
        KeyPath::Absent => {}
        KeyPath::Null => shown["path"] = Value::Null,
        KeyPath::At(path) => shown["path"] = json!(path),
    }
    match source {
        Source::Unnamed => {}
        Source::Body => shown["source"] = json!("body"),
        Source::Query(param) => {
            shown["source"] = json!("query");
            shown["param"] = json!(param);
        }
        Source::Parameter => {
            shown["source"] = json!("query");
            shown["param"] = json!(key);
        }
    }
    shown
}

/// The error and its causes, for the log.
pub(super) fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = match error {
        Error::Internal(cause) => cause.source(),
        _ => None,
    };
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
