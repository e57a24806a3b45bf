//! What receivers are sent, one entry for each trigger of the catalogue.

use serde_json::{Map, Value, json};

use super::schemas::reference;
use crate::error::Result;
use crate::triggers::{CATALOGUE, Entry};

/// A webhook for each trigger.
pub(super) fn all() -> Result<Map<String, Value>> {
    CATALOGUE.iter().map(|entry| Ok((format!("trigger:{}", entry.name), webhook(entry)?))).collect()
}

fn webhook(entry: &Entry) -> Result<Value> {
    let schema = match entry.payload {
        "" => reference("Event"),
        payload => {
            let payload: Value = serde_json::from_str(payload)?;
            json!({"allOf": [reference("Event"), {"type": "object", "properties": {"payload": payload}}]})
        }
    };
    Ok(json!({"post": {
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
    }}))
}

fn camel(name: &str) -> String {
    name.split('_').map(super::schemas::capital).collect()
}
