//! A body as Strapi shows it beside an error that is about all of it: relations in one form, and what it fills in.

use serde_json::{Map, Value as Json, json};

use super::{ContentType, Kind, Shape};
use crate::error::Error;
use crate::nesting;
use crate::secrets::mask;

/// The same error; one without a place in the body is shown with the whole of it.
pub fn with_body(error: Error, content_type: &'static ContentType, data: &Map<String, Json>, new: bool) -> Error {
    let Error::Invalid(mut problems) = error else { return error };
    for problem in problems.iter_mut().filter(|problem| problem.path.is_empty() && problem.value.is_none()) {
        let mut shown = shown(Shape::Document(content_type), data, new);
        shown.insert("publishedAt".to_owned(), Json::Null);
        problem.value = Some(Json::Object(shown));
    }
    Error::Invalid(problems)
}

fn shown(shape: Shape, data: &Map<String, Json>, new: bool) -> Map<String, Json> {
    let mut shown = Map::new();
    for (name, value) in data {
        let kind = shape.find_field(name).map(|field| field.kind);
        shown.insert(name.clone(), value_of(kind, value, new));
    }
    for field in shape.fields().iter().filter(|field| new && !data.contains_key(field.name)) {
        match field.kind {
            Kind::Component { many: true, .. } => drop(shown.insert(field.name.to_owned(), json!([]))),
            _ if !field.default.is_empty() => {
                // Checked when the catalogue was built.
                let default = nesting::read(field.default).unwrap_or_default();
                shown.insert(field.name.to_owned(), default);
            }
            _ => {}
        }
    }
    shown
}

fn value_of(kind: Option<Kind>, value: &Json, new: bool) -> Json {
    match (kind, value) {
        (Some(Kind::Relation(_)), value) => links(value),
        (Some(Kind::Component { of, .. }), Json::Object(item)) => Json::Object(shown(Shape::Component(of), item, new)),
        (Some(Kind::Component { .. }), Json::Array(items)) => {
            items.iter().map(|item| value_of(kind, item, new)).collect()
        }
        (Some(Kind::Secret), value) if !value.is_null() => mask(value, |_, _| false),
        (_, value) => value.clone(),
    }
}

/// `{"set": […]}`, or the lists of a change.
fn links(value: &Json) -> Json {
    const CHANGES: [&str; 3] = ["set", "connect", "disconnect"];
    match value {
        Json::Object(data) if CHANGES.iter().any(|name| data.contains_key(*name)) => {
            data.iter().map(|(name, value)| (name.clone(), references(value))).collect()
        }
        value => json!({ "set": references(value) }),
    }
}

fn references(value: &Json) -> Json {
    let list = value.as_array().map_or(std::slice::from_ref(value), Vec::as_slice);
    let reference = |item: &Json| match item {
        Json::String(text) => match text.parse::<i64>() {
            Ok(id) => json!({ "id": id }),
            Err(_) => json!({ "documentId": text }),
        },
        Json::Number(id) => json!({ "id": id }),
        item => item.clone(),
    };
    list.iter().filter(|item| !item.is_null()).map(reference).collect()
}
