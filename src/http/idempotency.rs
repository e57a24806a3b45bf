//! The header `Idempotency-Key`.

use actix_web::HttpRequest;

use crate::error::{Error, Problem, Result};

const HEADER: &str = "idempotency-key";
/// How many characters a key may have.
pub(super) const LONGEST: usize = 255;

/// The key that `request` carries.
///
/// Fails with [`Error::Invalid`] when it is empty, too long or not printable.
pub(super) fn key(request: &HttpRequest) -> Result<Option<&str>> {
    let Some(value) = request.headers().get(HEADER) else { return Ok(None) };
    let text = value.to_str().ok().filter(|text| is_key(text));
    text.map(Some).ok_or_else(|| {
        let message = format!("Idempotency-Key must have 1 to {LONGEST} printable characters");
        Error::Invalid(vec![Problem { path: vec!["Idempotency-Key".into()], message, value: None }])
    })
}

/// Whether `text` can be a key.
pub(super) fn is_key(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= LONGEST
}
