//! The headers that several routes take and answer.

use serde_json::{Value, json};

/// A reference to one of them, in `parameters` or `headers`.
pub(super) fn reference(of: &str, name: &str) -> Value {
    json!({"$ref": format!("#/components/{of}/{name}")})
}

/// Those that requests carry.
pub(super) fn parameters() -> Value {
    json!({
        "ResponseFormat": header(
            "Strapi-Response-Format",
            "`v4` shows documents as Strapi 4 did, which is not described here: attributes beside `id` and `documentId` \
             under `attributes`, linked documents under `data`."
        ),
        "IfNoneMatch": header(
            "If-None-Match",
            "Entity tags of answers that the caller has: if the answer is one of them, 304 and nothing else is answered."
        ),
        "IfMatch": header(
            "If-Match",
            "Entity tags under which the caller has seen the document, however it was shown: if it was changed since, \
             412 is answered and nothing is done. `*` is any."
        ),
        "IdempotencyKey": header(
            "Idempotency-Key",
            "1 to 255 characters. What is sent again under the same key within 24 hours is not done again: the first \
             answer is given, with `Idempotent-Replayed: true`. With another request it is refused with 409."
        )
    })
}

/// Those that answers carry.
pub(super) fn answered() -> Value {
    json!({
        "ETag": {
            "description": "Tells this answer from others. That of a document begins with its revision, which counts the \
                changes of it, in either version.",
            "schema": {"type": "string", "examples": ["\"7-9f3ab2c4d5e6f708\""]}
        }
    })
}

fn header(name: &str, description: &str) -> Value {
    json!({"name": name, "in": "header", "description": description, "schema": {"type": "string"}})
}
