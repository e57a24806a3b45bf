//! Paths that lead to extension records: `/api/{type}/{documentId}/extensions/{id}` and
//! `/api/products/{documentId}/prices/{priceId}/extensions/{id}`, each with or without the record.

use std::future::{Ready, ready};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};

use super::state::state;
use crate::content::PRODUCT;
use crate::documents::{OwnerPath, RecordPath};
use crate::error::{Error, Result};

impl FromRequest for OwnerPath {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(holder(request))
    }
}

impl FromRequest for RecordPath {
    type Error = Error;
    type Future = Ready<Result<Self>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let record = || Ok(RecordPath { holder: holder(request)?, id: number(request, "id")? });
        ready(record())
    }
}

fn holder(request: &HttpRequest) -> Result<OwnerPath> {
    let path = request.match_info();
    let document_id = path.get("documentId").ok_or(Error::NotFound)?.to_owned();
    match path.get("type") {
        Some(plural) => {
            let content_type = state(request)?.catalog.find_by_plural(plural).ok_or(Error::NotFound)?;
            Ok(OwnerPath { content_type, document_id, price: None })
        }
        None => Ok(OwnerPath { content_type: &PRODUCT, document_id, price: Some(number(request, "priceId")?) }),
    }
}

/// What is no number is the id of nothing.
fn number(request: &HttpRequest, name: &str) -> Result<i64> {
    let number = request.match_info().get(name).and_then(|text| text.parse().ok());
    number.ok_or(Error::NotFound)
}
