//! Paths that lead to extension records: `/api/{type}/{documentId}/extensions/{id}` and
//! `/api/products/{documentId}/prices/{priceId}/extensions/{id}`, each with or without the record.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use crate::content::{self, PRODUCT};
use crate::documents::{HolderPath, RecordPath};
use crate::error::{Error, Result};

impl FromRequest for HolderPath {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(holder(request).ok_or(Error::NotFound))
    }
}

impl FromRequest for RecordPath {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let record = || Some(RecordPath { holder: holder(request)?, id: number(request, "id")? });
        ready(record().ok_or(Error::NotFound))
    }
}

fn holder(request: &HttpRequest) -> Option<HolderPath> {
    let path = request.match_info();
    let document_id = path.get("documentId")?.to_owned();
    match path.get("type") {
        Some(plural) => Some(HolderPath { content_type: content::find_by_plural(plural)?, document_id, price: None }),
        None => Some(HolderPath { content_type: &PRODUCT, document_id, price: Some(number(request, "priceId")?) }),
    }
}

/// What is no number is the id of nothing.
fn number(request: &HttpRequest, name: &str) -> Option<i64> {
    request.match_info().get(name)?.parse().ok()
}
