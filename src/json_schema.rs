//! JSON Schemas as utoipa writes them, made fit for what reads them: forms, linters, generators of clients.

use serde_json::{Map, Value};

/// Members of a schema that hold data and no schemas.
const DATA: [&str; 6] = ["const", "default", "enum", "example", "examples", "required"];

/// Members whose own members have names that an author chose, each with a schema.
const NAMED: [&str; 5] = ["$defs", "patternProperties", "properties", "schemas", "webhooks"];

/// What utoipa writes beside a type that stands in place.
const NOTE: [&str; 6] = ["type", "title", "description", "default", "readOnly", "writeOnly"];

/// Says of every schema below `value` what generators of clients do not assume, and takes out what no value can satisfy.
pub fn tidy(value: &mut Value) {
    visit(value, &|schema| {
        if let Some(members) = schema.as_object_mut() {
            merge_note(members);
            open(members);
        }
    });
}

/// Changes `value` and every schema below it, outer ones first. `change` also sees what only holds schemas, such as an
/// operation of an OpenAPI document.
pub fn visit(value: &mut Value, change: &impl Fn(&mut Value)) {
    change(value);
    visit_parts(value, change);
}

/// Changes every schema below `value`, and not `value` itself.
pub fn visit_parts(value: &mut Value, change: &impl Fn(&mut Value)) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match member {
                    _ if DATA.contains(&name.as_str()) => {}
                    Value::Object(named) if NAMED.contains(&name.as_str()) => {
                        named.values_mut().for_each(|schema| visit(schema, change));
                    }
                    _ => visit(member, change),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| visit(item, change)),
        _ => {}
    }
}

/// Whether the schema takes values of this type, among others.
pub fn takes(schema: &Map<String, Value>, kind: &str) -> bool {
    match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().any(|known| known == kind),
        Some(one) => one == kind,
        None => false,
    }
}

/// Merges a type that stands in place with the note beside it. utoipa writes `allOf` of the two and calls the note an
/// object; of a word that is also an object there is none.
fn merge_note(schema: &mut Map<String, Value>) {
    let Some(Value::Array(parts)) = schema.get("allOf") else { return };
    let [Value::Object(of), Value::Object(note)] = parts.as_slice() else { return };
    let is_note =
        note.get("type").is_some_and(|kind| kind == "object") && note.keys().all(|name| NOTE.contains(&name.as_str()));
    if !is_note {
        return;
    }

    let mut merged = of.clone();
    merged.extend(note.iter().filter(|(name, _)| *name != "type").map(|(name, value)| (name.clone(), value.clone())));
    schema.shift_remove("allOf");
    for (name, value) in merged {
        schema.entry(name).or_insert(value);
    }
}

/// Says of an object without members of its own that it has any. JSON Schema assumes so; generators make a type of it
/// that has none.
fn open(schema: &mut Map<String, Value>) {
    let says = ["properties", "additionalProperties", "patternProperties", "allOf", "anyOf", "oneOf", "$ref"];
    if takes(schema, "object") && !says.iter().any(|name| schema.contains_key(*name)) {
        schema.insert("additionalProperties".to_owned(), true.into());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn schemas_are_put_into_a_form_that_all_read_alike() {
        for (written, tidied) in [
            (json!({"type": "object"}), json!({"type": "object", "additionalProperties": true})),
            (json!({"type": ["object", "null"]}), json!({"type": ["object", "null"], "additionalProperties": true})),
            (json!({"type": "object", "properties": {}}), json!({"type": "object", "properties": {}})),
            (
                json!({"title": "Mode", "allOf": [
                    {"type": "string", "enum": ["a", "b"], "description": "Any."},
                    {"type": "object", "description": "This one.", "default": "a"}
                ]}),
                json!({"title": "Mode", "type": "string", "enum": ["a", "b"], "description": "This one.", "default": "a"}),
            ),
            (
                json!({"allOf": [{"type": "object", "properties": {"a": {}}}, {"type": "object", "properties": {"b": {}}}]}),
                json!({"allOf": [{"type": "object", "properties": {"a": {}}}, {"type": "object", "properties": {"b": {}}}]}),
            ),
            (
                json!({"items": {"type": "object"}, "default": {"type": "object"}, "properties": {"default": {"type": "object"}}}),
                json!({"items": {"type": "object", "additionalProperties": true}, "default": {"type": "object"},
                    "properties": {"default": {"type": "object", "additionalProperties": true}}}),
            ),
        ] {
            let mut schema = written.clone();
            tidy(&mut schema);
            assert_eq!(schema, tidied, "{written}");
        }
    }
}
