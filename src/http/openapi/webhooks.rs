//! What receivers are sent, one entry for each trigger of the catalogue.

use serde_json::{Map, Value, json};

use super::names::reference;
use crate::error::Result;
use crate::triggers::{CATALOGUE, Entry};

/// A webhook for each trigger. What it is stands under `components/pathItems`: receivers are no part of a client, and
/// openapi-generator makes broken code of webhooks that are described in place.
pub(super) fn all() -> Map<String, Value> {
    let refer = |entry: &Entry| json!({"$ref": format!("#/components/pathItems/{}", camel(entry.name))});
    CATALOGUE.iter().map(|entry| (format!("trigger:{}", entry.name), refer(entry))).collect()
}

/// What they refer to.
pub(super) fn path_items() -> Map<String, Value> {
    CATALOGUE.iter().map(|entry| (camel(entry.name), webhook(entry))).collect()
}

/// The events that come with a payload of their own: `PostSaleEvent` and `PostSalePayload`. They have names, because
/// generators of clients find none for what is written out in a webhook.
pub(super) fn schemas() -> Result<Map<String, Value>> {
    let mut schemas = Map::new();
    for entry in CATALOGUE.iter().filter(|entry| !entry.payload.is_empty()) {
        let name = camel(entry.name);
        let payload = format!("{name}Payload");
        let event = json!({"type": "object", "properties": {"payload": reference(&payload)}});
        schemas.insert(format!("{name}Event"), json!({"allOf": [reference("Event"), event]}));
        schemas.insert(payload, serde_json::from_str(entry.payload)?);
    }
    Ok(schemas)
}

fn webhook(entry: &Entry) -> Value {
    let schema = match entry.payload {
        "" => reference("Event"),
        _ => reference(&format!("{}Event", camel(entry.name))),
    };
    json!({"post": {
        "tags": ["webhooks"],
        "summary": entry.description,
        "operationId": format!("on{}", camel(entry.name)),
        "requestBody": {"required": true, "content": {"application/json": {"schema": schema}}},
        "responses": {
            "2XX": {"description": "Taken"},
            "410": {"description": "Never again: the extension record is switched off"},
            "429": {"description": "Later, as Retry-After says"},
            "4XX": {"description": "Refused: not sent again"},
            "5XX": {"description": "Sent again, after longer and longer waits"}
        }
    }})
}

fn camel(name: &str) -> String {
    name.split('_').map(super::names::capital).collect()
}
