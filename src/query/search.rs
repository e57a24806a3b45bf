//! The parameter `_q`: a text looked for in every column of a document, but not in its components.

use super::condition::{Filter, Place, Test, TextTest};
use crate::content::{ID, Kind, Shape};

/// Documents with `text` in one of their texts, in any case; numbers are searched when it is one. The empty text finds
/// everything.
pub(super) fn search(shape: Shape, text: &str) -> Filter {
    if text.is_empty() {
        return Filter::everything();
    }
    let is_number = text.parse::<f64>().is_ok();
    let searched = shape.columns().filter(|field| match field.kind {
        Kind::String | Kind::Text | Kind::RichText | Kind::Email | Kind::Enumeration(_) => true,
        Kind::Integer | Kind::Decimal => is_number,
        _ => false,
    });
    let test = TextTest { place: Place::Anywhere, text: text.to_owned(), fold: true, negated: false };
    let columns = std::iter::once(&ID).chain(searched);
    Filter::Any(columns.map(|field| Filter::Value { field, test: Test::Text(test.clone()) }).collect())
}
