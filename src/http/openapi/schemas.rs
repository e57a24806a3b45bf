//! The schemas of documents and components, from the facts about them.

use serde_json::{Map, Value, json};

use super::names::{capital, reference};
use super::shared;
use crate::content::{Catalog, Check, Component, ContentType, Field, Kind, Shape};
use crate::error::Result;
use crate::limits::ITEMS;

/// Who reads a schema: the kinds differ a little.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// What is answered.
    Answer,
    /// What may be sent.
    Input,
}

/// `Product`, the schema of a content type's documents.
pub(super) fn name(content_type: &ContentType) -> String {
    capital(content_type.singular)
}

/// Every schema that follows from the facts, and those that they use.
pub(super) fn all(catalog: &Catalog) -> Result<Map<String, Value>> {
    let mut schemas = shared::all();
    for content_type in catalog.types() {
        let name = name(content_type);
        schemas.extend(envelopes(&name, "ListMeta"));
        schemas.insert(format!("{name}Input"), input(Shape::Document(content_type))?);
        schemas.insert(name, document(content_type)?);
    }
    for component in catalog.components() {
        schemas.insert(component_name(component, Side::Answer), item(component)?);
        schemas.insert(component_name(component, Side::Input), input(Shape::Component(component))?);
    }
    schemas.extend(envelopes("Price", "Meta"));
    schemas.extend(envelopes("Extension", "ListMeta"));
    schemas.insert("ToggleRequest".to_owned(), envelope(&[("data", reference("ToggleInput"))]));
    Ok(schemas)
}

/// What is sent and answered about a thing of this name: named, so that generated clients have one type of each.
fn envelopes(name: &str, list_meta: &str) -> [(String, Value); 3] {
    let list = json!({"type": "array", "items": reference(name)});
    [
        (format!("{name}Request"), envelope(&[("data", reference(&format!("{name}Input")))])),
        (format!("{name}Response"), envelope(&[("data", reference(name)), ("meta", reference("Meta"))])),
        (format!("{name}ListResponse"), envelope(&[("data", list), ("meta", reference(list_meta))])),
    ]
}

fn envelope(members: &[(&str, Value)]) -> Value {
    let names: Vec<&str> = members.iter().map(|(name, _)| *name).collect();
    let properties: Map<String, Value> =
        members.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
    json!({"type": "object", "required": names, "properties": properties})
}

fn component_name(component: &Component, side: Side) -> String {
    let ending = if side == Side::Input { "Input" } else { "" };
    format!("{}{ending}", capital(component.key))
}

/// A document as it is answered. Components and relations are there when `populate` names them, the rest unless
/// `fields` leaves it out.
fn document(content_type: &ContentType) -> Result<Value> {
    let mut properties = Map::new();
    properties.insert("id".to_owned(), json!({"type": "integer", "description": "The version's number."}));
    properties.insert("documentId".to_owned(), json!({"type": "string", "pattern": "^[a-z0-9]{24}$"}));
    for field in content_type.fields {
        properties.insert(field.name.to_owned(), property(field, Side::Answer)?);
    }
    for name in content_type.unsupported_relations {
        let nothing = json!({
            "type": "array", "items": {"type": "object"}, "maxItems": 0,
            "description": "Not kept here: empty where it is asked for."
        });
        properties.insert((*name).to_owned(), nothing);
    }
    for time in ["createdAt", "updatedAt"] {
        properties.insert(time.to_owned(), json!({"type": "string", "format": "date-time"}));
    }
    let published = json!({"type": ["string", "null"], "format": "date-time", "description": "Null on a draft."});
    properties.insert("publishedAt".to_owned(), published);
    Ok(json!({
        "type": "object",
        "description": content_type.description,
        "required": ["id", "documentId"],
        "additionalProperties": false,
        "properties": properties
    }))
}

/// An item of a component as it is answered.
fn item(component: &Component) -> Result<Value> {
    let mut properties = Map::new();
    properties.insert("id".to_owned(), json!({"type": "integer"}));
    for field in component.fields {
        properties.insert(field.name.to_owned(), property(field, Side::Answer)?);
    }
    Ok(json!({
        "type": "object",
        "description": component.uid,
        "required": ["id"],
        "additionalProperties": false,
        "properties": properties
    }))
}

/// What may be sent: nothing has to be, since drafts need nothing and updates keep what they do not name.
fn input(shape: Shape) -> Result<Value> {
    let mut properties = Map::new();
    if let Shape::Component(_) = shape {
        let description = "The item to change, of the draft; left out for a new one.";
        properties.insert("id".to_owned(), json!({"type": "integer", "description": description}));
    }
    for field in shape.fields() {
        properties.insert(field.name.to_owned(), property(field, Side::Input)?);
    }
    Ok(json!({"type": "object", "additionalProperties": false, "properties": properties}))
}

fn property(field: &Field, side: Side) -> Result<Value> {
    let mut schema = kind(field, side);
    if side == Side::Input && !field.default.is_empty() {
        schema["default"] = serde_json::from_str(field.default)?;
    }
    if let Some(longest) = field.longest().filter(|_| side == Side::Input) {
        schema["maxLength"] = longest.into();
    }
    if side == Side::Input && matches!(field.kind, Kind::Component { many: true, .. }) {
        schema["maxItems"] = ITEMS.most.into();
    }
    let notes = [
        (field.required && side == Side::Input, "A published version must have it."),
        (field.unique, "No two published versions have the same."),
        (field.server_owned, "The server's own: taken when the record is made, ignored by updates."),
        (
            matches!(field.kind, Kind::Secret),
            "Sealed when stored; every value reads `********`, which keeps what is stored when it is sent back.",
        ),
        (matches!(field.kind, Kind::Media { .. }), "No media library yet: null, or an empty list."),
    ];
    let notes: Vec<&str> = notes.into_iter().filter_map(|(holds, note)| holds.then_some(note)).collect();
    if !notes.is_empty() {
        schema["description"] = json!(notes.join(" "));
    }
    Ok(schema)
}

fn kind(field: &Field, side: Side) -> Value {
    match &field.kind {
        Kind::String | Kind::Text | Kind::RichText => json!({"type": ["string", "null"]}),
        Kind::Email => json!({"type": ["string", "null"], "format": "email"}),
        Kind::Integer => json!({"type": ["integer", "null"], "format": "int64"}),
        Kind::Decimal if side == Side::Input => json!({"type": ["number", "string", "null"]}),
        Kind::Decimal => json!({"type": ["number", "null"]}),
        Kind::Boolean => json!({"type": ["boolean", "null"]}),
        Kind::DateTime => json!({"type": ["string", "null"], "format": "date-time"}),
        Kind::Json => free(field.check, side),
        Kind::Secret if side == Side::Input => json!({"type": ["object", "null"]}),
        Kind::Secret => json!({}),
        Kind::Enumeration(words) => {
            let words = words.iter().map(|word| json!(word)).chain([Value::Null]).collect::<Vec<_>>();
            json!({"type": ["string", "null"], "enum": words})
        }
        Kind::Media { many: true } => json!({"type": ["array", "null"], "items": {"type": "object"}, "maxItems": 0}),
        Kind::Media { many: false } => json!({"type": ["object", "null"]}),
        Kind::Component { of, many } => component(&reference(&component_name(of, side)), *many),
        Kind::Relation(_) if side == Side::Input => reference("Links"),
        Kind::Relation(relation) => json!({"type": "array", "items": reference(&name(relation.target))}),
    }
}

/// A JSON value, with the form that its rule gives it. A config that handlers can use is an object; documents keep others.
fn free(check: Check, side: Side) -> Value {
    match check {
        Check::Patterns => json!({"type": ["array", "null"], "items": {"type": "string"}}),
        Check::Config if side == Side::Input => json!({"type": ["object", "null"]}),
        Check::Config | Check::None | Check::ExtensionKey | Check::HttpUrl => json!({}),
    }
}

/// An item of a component, or a list of them.
fn component(item: &Value, many: bool) -> Value {
    if many { json!({"type": "array", "items": item}) } else { json!({"oneOf": [item, {"type": "null"}]}) }
}
