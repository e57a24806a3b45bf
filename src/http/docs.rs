//! The OpenAPI document, and the pages to browse it. Nothing of them comes from outside of the binary.

use std::sync::{Arc, OnceLock};

use actix_web::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION};
use actix_web::{HttpResponse, web};
use bytes::Bytes;
use utoipa_swagger_ui::Config;

use super::answer::Problems;
use super::endpoint::Endpoint;
use super::problem::JSON;
use crate::content::Catalog;
use crate::error::{Error, Result};
use crate::state::AppState;

/// The document for Tenon's own content types as it was last written: what is served unless there are others.
pub const WRITTEN: &str = include_str!("../../openapi/openapi.json");

/// The pages style themselves as they go, and draw their icons from data.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:";

pub(super) fn endpoints() -> Vec<Endpoint> {
    vec![
        Endpoint::at("/openapi.json").get(document),
        Endpoint::at("/").get(entrance),
        Endpoint::at("/docs").get(docs),
        Endpoint::at("/docs/{file}").get(page),
    ]
}

/// This document
#[utoipa::path(get, path = "/openapi.json", tag = "operation", operation_id = "getOpenApi", security(()),
    responses((status = 200, description = "OpenAPI 3.1", body = Object)))]
pub(super) async fn document(state: web::Data<AppState>, described: web::Data<Described>) -> Result<HttpResponse> {
    let body = if state.catalog.is_built_in() {
        Bytes::from_static(WRITTEN.as_bytes())
    } else {
        described.document(state.catalog)?
    };
    Ok(HttpResponse::Ok().content_type(JSON).insert_header((CACHE_CONTROL, "no-cache")).body(body))
}

/// The document with the content types of an embedding program, made when it is first asked for.
pub(super) struct Described {
    print: fn(&Catalog) -> Result<String>,
    known: OnceLock<Bytes>,
}

impl Described {
    /// A document that is made with `print`.
    pub fn new(print: fn(&Catalog) -> Result<String>) -> Self {
        Self { print, known: OnceLock::new() }
    }

    fn document(&self, catalog: &Catalog) -> Result<Bytes> {
        if let Some(known) = self.known.get() {
            return Ok(known.clone());
        }
        let document = Bytes::from((self.print)(catalog)?);
        Ok(self.known.get_or_init(|| document).clone())
    }
}

/// Where a browser that only knows the address is sent
#[utoipa::path(get, path = "/", tag = "operation", operation_id = "getRoot", security(()),
    responses((status = 302, description = "To the pages to browse this document")))]
pub(super) async fn entrance() -> HttpResponse {
    docs().await
}

/// The pages to browse this document
#[utoipa::path(get, path = "/docs", tag = "operation", operation_id = "getDocs", security(()),
    responses((status = 302, description = "The first page")))]
pub(super) async fn docs() -> HttpResponse {
    HttpResponse::Found().insert_header((LOCATION, "/docs/index.html")).finish()
}

/// A page, script or style of the pages to browse this document
#[utoipa::path(get, path = "/docs/{file}", tag = "operation", operation_id = "getDocsFile", security(()),
    params(("file" = String, Path, description = "Its name")),
    responses((status = 200, description = "The file", body = String, content_type = "text/html"),
        Problems))]
pub(super) async fn page(file: web::Path<String>) -> Result<HttpResponse> {
    let config = Config::new(["/openapi.json"]).validator_url("none");
    let found = utoipa_swagger_ui::serve(&file, Arc::new(config));
    let found = found.map_err(|error| Error::internal(error.to_string()))?.ok_or(Error::NotFound)?;
    let mut response = HttpResponse::Ok();
    response.content_type(found.content_type).insert_header((CONTENT_SECURITY_POLICY, POLICY));
    Ok(response.body(found.bytes.into_owned()))
}
