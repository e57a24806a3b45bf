//! How bodies name the documents of a relation.

use serde_json::{Map, Value as Json};

use super::input::{Position, Reference};

/// Whether an object says what shall change of a relation, and names no document.
pub(super) fn is_change(data: &Map<String, Json>) -> bool {
    ["set", "connect", "disconnect"].iter().any(|key| data.contains_key(*key))
}

/// The documents that a relation names.
pub(super) fn references(json: &Json) -> Vec<Reference> {
    let list = json.as_array().map_or(std::slice::from_ref(json), Vec::as_slice);
    list.iter().filter_map(reference).collect()
}

/// The documents that shall be linked, and where among the others.
pub(super) fn placed_references(json: &Json) -> Vec<(Reference, Position)> {
    let list = json.as_array().map_or(std::slice::from_ref(json), Vec::as_slice);
    list.iter()
        .filter_map(|json| Some((reference(json)?, json.get("position").map_or(Position::End, position))))
        .collect()
}

fn reference(json: &Json) -> Option<Reference> {
    match json {
        Json::Object(data) => data.get("documentId").or_else(|| data.get("id")).and_then(reference),
        Json::String(text) => match text.parse() {
            Ok(row) => Some(Reference::Row(row)),
            Err(_) => Some(Reference::Document(text.clone())),
        },
        json => whole_number(json).map(Reference::Row),
    }
}

fn position(json: &Json) -> Position {
    let is_true = |name: &str| json.get(name).and_then(Json::as_bool).unwrap_or(false);
    match (json.get("before").and_then(reference), json.get("after").and_then(reference)) {
        (Some(other), _) => Position::Before(other),
        (None, Some(other)) => Position::After(other),
        (None, None) if is_true("start") => Position::Start,
        (None, None) => Position::End,
    }
}

/// A whole number, or a text that is one.
pub(super) fn whole_number(json: &Json) -> Option<i64> {
    json.as_i64().or_else(|| json.as_str()?.parse().ok())
}
