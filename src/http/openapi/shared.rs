//! The schemas that several others use.

use serde_json::{Map, Value, json};

use super::names::reference;

/// All of them.
pub(super) fn all() -> Map<String, Value> {
    let warnings = json!({"type": "array", "items": reference("Warning")});
    let meta = json!({"type": "object", "properties": {"warnings": warnings}});
    let list_meta = json!({
        "type": "object",
        "required": ["pagination"],
        "properties": {"pagination": reference("Pagination"), "warnings": warnings}
    });
    let named = [
        ("Change", change()),
        ("Event", event()),
        ("Filters", filters()),
        ("Link", link()),
        ("LinkPosition", link_position()),
        ("LinkTarget", link_target()),
        ("Meta", meta),
        ("ListMeta", list_meta),
        ("Names", names()),
        ("Pagination", pagination()),
        ("Populate", populate()),
        ("Warning", warning()),
    ];
    named.into_iter().chain(links()).chain(problem()).map(|(name, schema)| (name.to_owned(), schema)).collect()
}

fn filters() -> Value {
    json!({
        "type": "object",
        "description": "Conditions by the name of a field, and `$and`, `$or`, `$not` of conditions.",
        "additionalProperties": true,
        "examples": [{"slug": {"$eq": "tea-house"}}, {"$or": [{"Name": {"$containsi": "tea"}}, {"quantity": {"$gt": 0}}]}]
    })
}

fn names() -> Value {
    json!({
        "oneOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
        "description": "Names, comma separated or as a list."
    })
}

fn populate() -> Value {
    json!({
        "oneOf": [
            {"type": "string"},
            {"type": "array", "items": {"type": "string"}},
            {"type": "object", "additionalProperties": true}
        ],
        "description": "`*`, names, or an object with what is asked for by name.",
        "examples": ["*", ["PRICES", "stores"], {"PRICES": {"fields": ["Price", "Currency"], "sort": "Price"}}]
    })
}

fn link() -> Value {
    json!({
        "description": "A documentId, or the number of a version; alone or with the place where the link shall stand.",
        "oneOf": [{"type": "string"}, {"type": "integer"}, reference("LinkTarget")]
    })
}

fn link_target() -> Value {
    json!({
        "type": "object",
        "required": ["documentId"],
        "properties": {"documentId": {"type": "string"}, "position": reference("LinkPosition")}
    })
}

fn link_position() -> Value {
    json!({
        "type": "object",
        "description": "One of them: before or behind another document that is linked, or at an end.",
        "properties": {
            "before": {"type": "string"}, "after": {"type": "string"},
            "start": {"type": "boolean"}, "end": {"type": "boolean"}
        }
    })
}

/// What may be sent for a relation. Each form can be told from the others by what it must have, and lists by what is in
/// them: generated clients choose between them in that way, and would send nothing of a form they do not recognise.
fn links() -> [(&'static str, Value); 4] {
    let some = |items: Value| json!({"type": "array", "minItems": 1, "items": items});
    let links = json!({
        "description": "A list, `set` or null replace the links; `connect` and `disconnect` change them.",
        "oneOf": [
            {"type": "array", "items": {"type": "string"}, "description": "documentIds."},
            some(json!({"type": "integer"})),
            some(reference("LinkTarget")),
            reference("LinkSet"),
            reference("LinkConnect"),
            reference("LinkDisconnect"),
            {"type": "null"}
        ]
    });
    let form = |required: &str, names: &[&str]| {
        let list = json!({"type": "array", "items": reference("Link")});
        let lists = names.iter().map(|name| ((*name).to_owned(), list.clone())).collect::<Map<_, _>>();
        json!({"type": "object", "required": [required], "additionalProperties": false, "properties": lists})
    };
    [
        ("Links", links),
        ("LinkSet", form("set", &["set", "connect", "disconnect"])),
        ("LinkConnect", form("connect", &["connect", "disconnect"])),
        ("LinkDisconnect", form("disconnect", &["disconnect"])),
    ]
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
            "target": reference("Target"),
            "store": reference("StoreRef"),
            "data": {"type": "object", "description": "The entity as the API shows it, without credentials. Of a price it is \
                `{price, product}`, the product with its documentId, Name, slug, SKU and publishedAt, which is null while it is a draft."},
            "changes": {
                "type": "object", "description": "What changed, by the name of the field.",
                "additionalProperties": reference("Change")
            },
            "payload": {"type": "object", "description": "What the caller sent along."},
            "actor": {"type": "string"},
            "test": {"type": "boolean", "description": "True on a sample, sent by hand to try a record: nothing has happened."}
        }
    })
}

fn change() -> Value {
    json!({"type": "object", "properties": {"from": {}, "to": {}}})
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

/// Every error; what it is about is named level by level, so that generated clients have types of it.
fn problem() -> [(&'static str, Value); 4] {
    let texts = json!({"type": "array", "items": {"type": "string"}});
    let problem = json!({"type": "object", "required": ["data", "error"], "properties": {
        "data": {"type": ["object", "null"], "description": "Always null."},
        "error": reference("ProblemError")
    }});
    let error = json!({"type": "object", "required": ["status", "name", "message"], "properties": {
        "status": {"type": "integer", "description": "The status of the answer."},
        "name": {"type": "string", "description": "What to match on, such as `ValidationError`."},
        "message": {"type": "string", "description": "What is wrong, for people."},
        "details": reference("ProblemDetails")
    }});
    let details = json!({"type": "object", "additionalProperties": true, "properties": {
        "errors": {"type": "array", "items": reference("ValueProblem"), "description": "Every value that is not acceptable."},
        "key": {"type": "string", "description": "The key that has no place in the request."},
        "path": {"type": ["string", "null"], "description": "Where it stood."},
        "source": {"type": "string", "enum": ["query", "body"]},
        "param": {"type": "string", "description": "The parameter of the query that is not right."}
    }});
    let value = json!({"type": "object", "properties": {
        "path": texts, "message": {"type": "string"}, "name": {"type": "string"}, "value": {}
    }});
    [("Problem", problem), ("ProblemError", error), ("ProblemDetails", details), ("ValueProblem", value)]
}
