//! The schemas of documents and components, from the facts about them.

use serde_json::{Map, Value, json};

use crate::content::{COMPONENTS, CONTENT_TYPES, Component, ContentType, Field, Kind, Shape};
use crate::error::Result;

/// Who reads a schema: the kinds differ a little.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// What is answered.
    Answer,
    /// What may be sent.
    Input,
}

/// A reference to a schema of the document.
pub(super) fn reference(name: &str) -> Value {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

/// `Product`, the schema of a content type's documents.
pub(super) fn name(content_type: &ContentType) -> String {
    capital(content_type.singular)
}

/// `ProductInput`, the schema of what may be sent for one.
pub(super) fn input_name(content_type: &ContentType) -> String {
    format!("{}Input", name(content_type))
}

/// Every schema that follows from the facts, and those that they use.
pub(super) fn all() -> Result<Map<String, Value>> {
    let mut schemas = shared();
    for content_type in CONTENT_TYPES {
        schemas.insert(name(content_type), document(content_type)?);
        schemas.insert(input_name(content_type), input(Shape::Document(content_type))?);
    }
    for component in COMPONENTS {
        schemas.insert(component_name(component, Side::Answer), item(component)?);
        schemas.insert(component_name(component, Side::Input), input(Shape::Component(component))?);
    }
    Ok(schemas)
}

/// `Product` of `product`.
pub(in crate::http) fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect()
}

fn component_name(component: &Component, side: Side) -> String {
    let ending = if side == Side::Input { "Input" } else { "" };
    format!("{}{ending}", capital(component.singular))
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
    for name in content_type.unkept {
        let nothing =
            json!({"type": "array", "maxItems": 0, "description": "Not kept here: empty where it is asked for."});
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
    let mut schema = kind(&field.kind, side);
    let Some(members) = schema.as_object_mut() else { return Ok(schema) };
    if side == Side::Input && !field.default.is_empty() {
        members.insert("default".to_owned(), serde_json::from_str(field.default)?);
    }
    let notes = [
        (field.required && side == Side::Input, "A published version must have it."),
        (field.unique, "No two published versions have the same."),
        (field.server_owned, "The server's own: taken when the record is made, ignored by updates."),
        (
            matches!(field.kind, Kind::Secret),
            "Sealed when stored; every value reads `********`, which keeps what is stored when it is sent back.",
        ),
        (matches!(field.kind, Kind::Media { .. }), "No media library yet: null or empty."),
    ];
    let notes: Vec<&str> = notes.into_iter().filter_map(|(holds, note)| holds.then_some(note)).collect();
    if !notes.is_empty() {
        members.insert("description".to_owned(), json!(notes.join(" ")));
    }
    Ok(schema)
}

fn kind(kind: &Kind, side: Side) -> Value {
    match kind {
        Kind::String | Kind::Text | Kind::RichText => json!({"type": ["string", "null"]}),
        Kind::Email => json!({"type": ["string", "null"], "format": "email"}),
        Kind::Integer => json!({"type": ["integer", "null"], "format": "int64"}),
        Kind::Decimal if side == Side::Input => json!({"type": ["number", "string", "null"]}),
        Kind::Decimal => json!({"type": ["number", "null"]}),
        Kind::Boolean => json!({"type": ["boolean", "null"]}),
        Kind::DateTime => json!({"type": ["string", "null"], "format": "date-time"}),
        Kind::Json => json!({}),
        Kind::Secret if side == Side::Input => json!({"type": ["object", "null"]}),
        Kind::Secret => json!({}),
        Kind::Enumeration(words) => {
            let words = words.iter().map(|word| json!(word)).chain([Value::Null]).collect::<Vec<_>>();
            json!({"enum": words})
        }
        Kind::Media { many: true } => json!({"type": ["array", "null"], "maxItems": 0}),
        Kind::Media { many: false } => json!({"type": "null"}),
        Kind::Component { of, many } => component(&reference(&component_name(of, side)), *many, side),
        Kind::Relation(_) if side == Side::Input => reference("Links"),
        Kind::Relation(relation) => json!({"oneOf": [
            {"type": "array", "items": reference(&name(relation.target))},
            reference("Count")
        ]}),
    }
}

fn component(item: &Value, many: bool, side: Side) -> Value {
    match (many, side) {
        (true, Side::Input) => json!({"type": "array", "items": item}),
        (true, Side::Answer) => json!({"oneOf": [{"type": "array", "items": item}, reference("Count")]}),
        (false, Side::Input) => json!({"oneOf": [item, {"type": "null"}]}),
        (false, Side::Answer) => json!({"oneOf": [item, reference("Count"), {"type": "null"}]}),
    }
}

/// What several schemas use.
fn shared() -> Map<String, Value> {
    let link = json!({
        "description": "A documentId, or the number of a version; alone or with the place where the link shall stand.",
        "oneOf": [
            {"type": ["string", "integer"]},
            {"type": "object", "required": ["documentId"], "properties": {
                "documentId": {"type": "string"},
                "position": {"type": "object", "properties": {
                    "before": {"type": "string"}, "after": {"type": "string"},
                    "start": {"type": "boolean"}, "end": {"type": "boolean"}
                }}
            }}
        ]
    });
    let links = json!({
        "description": "A list, `set` or null replace the links; `connect` and `disconnect` change them.",
        "oneOf": [
            {"type": "null"},
            {"type": "array", "items": reference("Link")},
            {"type": "object", "additionalProperties": false, "properties": {
                "set": {"type": "array", "items": reference("Link")},
                "connect": {"type": "array", "items": reference("Link")},
                "disconnect": {"type": "array", "items": reference("Link")}
            }}
        ]
    });
    let warnings = json!({"type": "array", "items": reference("Warning")});
    let meta = json!({"type": "object", "properties": {"warnings": warnings}});
    let list_meta = json!({
        "type": "object",
        "required": ["pagination"],
        "properties": {"pagination": reference("Pagination"), "warnings": warnings}
    });
    let count = json!({
        "type": "object",
        "description": "How many there are, for `populate[…][count]=true`.",
        "required": ["count"],
        "additionalProperties": false,
        "properties": {"count": {"type": "integer"}}
    });
    let named = [
        ("Count", count),
        ("Event", event()),
        ("Link", link),
        ("Links", links),
        ("Meta", meta),
        ("ListMeta", list_meta),
        ("Pagination", pagination()),
        ("Problem", problem()),
        ("Warning", warning()),
    ];
    named.map(|(name, schema)| (name.to_owned(), schema)).into_iter().collect()
}

/// What a handler and a webhook's receiver see.
fn event() -> Value {
    json!({
        "type": "object",
        "required": ["id", "trigger", "occurredAt", "target", "actor"],
        "properties": {
            "id": {"type": "string", "description": "The event; the same however often it is sent."},
            "trigger": {"type": "string"},
            "occurredAt": {"type": "string", "format": "date-time"},
            "target": {"type": "object", "required": ["type", "documentId"], "properties": {
                "type": {"enum": ["store", "product", "subscriber", "price"]},
                "documentId": {"type": "string"}, "priceId": {"type": "integer"}
            }},
            "store": {"type": "object", "properties": {
                "documentId": {"type": "string"}, "slug": {"type": ["string", "null"]}
            }},
            "data": {"description": "The entity as the API shows it, without credentials. Of a price it is `{price, product}`, the \
                product with its documentId, Name, slug, SKU and publishedAt, which is null while it is a draft."},
            "changes": {"type": "object", "additionalProperties": {"type": "object", "properties": {"from": {}, "to": {}}}},
            "payload": {"description": "What the caller sent along."},
            "actor": {"type": "string"},
            "test": {"const": true, "description": "There on a sample, sent by hand to try a record: nothing has happened."}
        }
    })
}

fn warning() -> Value {
    json!({
        "type": "object",
        "description": "Something that was done otherwise than the caller may expect.",
        "required": ["message"],
        "properties": {"path": {"type": "array", "items": {"type": "string"}}, "message": {"type": "string"}}
    })
}

fn pagination() -> Value {
    json!({
        "type": "object",
        "description": "As it was asked for: by page, or by start and limit. `total` and `pageCount` unless withCount=false.",
        "properties": {
            "page": {"type": "integer"}, "pageSize": {"type": "integer"}, "pageCount": {"type": "integer"},
            "start": {"type": "integer"}, "limit": {"type": "integer"}, "total": {"type": "integer"}
        }
    })
}

fn problem() -> Value {
    json!({
        "type": "object",
        "required": ["data", "error"],
        "properties": {
            "data": {"type": "null"},
            "error": {"type": "object", "required": ["status", "name", "message"], "properties": {
                "status": {"type": "integer"},
                "name": {"type": "string", "description": "What to match on."},
                "message": {"type": "string"},
                "details": {"type": "object", "properties": {
                    "errors": {"type": "array", "items": {"type": "object", "properties": {
                        "path": {"type": "array", "items": {"type": "string"}},
                        "message": {"type": "string"}, "name": {"type": "string"}, "value": {}
                    }}},
                    "key": {"type": "string"}, "path": {"type": ["string", "null"]},
                    "source": {"enum": ["query", "body"]}, "param": {"type": "string"}
                }}
            }}
        }
    })
}
