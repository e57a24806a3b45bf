//! The shape of answers: `{data, meta}`, and every error that a route may answer.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::openapi::{Ref, RefOr, response::Response};
use utoipa::{IntoResponses, ToSchema};

use super::problem::JSON;
use crate::error::Result;

/// What is answered.
#[derive(Serialize, ToSchema)]
pub struct Data<T> {
    /// What was asked for.
    data: T,
    /// What is to be known about it.
    meta: Map<String, Value>,
}

/// What is sent, for the OpenAPI document.
#[derive(ToSchema)]
#[expect(dead_code, reason = "the fields are read by the derive alone")]
pub struct Sent<T> {
    /// What is sent.
    data: T,
}

/// An answer with `data`, and `meta` empty.
pub fn data(status: StatusCode, data: impl Serialize) -> Result<HttpResponse> {
    json(status, &Data { data, meta: Map::new() })
}

/// An answer in JSON.
pub fn json(status: StatusCode, body: &impl Serialize) -> Result<HttpResponse> {
    Ok(HttpResponse::build(status).content_type(JSON).body(serde_json::to_vec(body)?))
}

/// The errors that any route may answer, for the OpenAPI document.
pub struct Problems;

impl Problems {
    /// Status and name of each.
    pub const ALL: [(&'static str, &'static str, &'static str); 11] = [
        ("400", "BadRequest", "Something in the request is not right; `error` says where"),
        ("401", "Unauthorized", "The token is not known or has expired"),
        ("403", "Forbidden", "The caller may not do this"),
        ("404", "NotFound", "There is no such thing, or not for this caller"),
        (
            "409",
            "Conflict",
            "The name is taken, the key was used for another request, less is left than was asked for, or the run has ended \
             or is on its way already",
        ),
        ("412", "PreconditionFailed", "The document is not the one that `If-Match` names"),
        ("413", "PayloadTooLarge", "The body is above the limit"),
        ("415", "UnsupportedMediaType", "The body is of a type that is not read"),
        ("429", "TooManyRequests", "It was done too often; `Retry-After` says when it can be done again"),
        ("500", "InternalServerError", "A fault of the server; its log has the cause under the request's id"),
        ("503", "ServiceUnavailable", "Too much at once, or the database is away; try again"),
    ];
}

impl IntoResponses for Problems {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        let response =
            |(status, name, _): &(&str, &str, &str)| ((*status).to_owned(), Ref::from_response_name(*name).into());
        Self::ALL.iter().map(response).collect()
    }
}
