//! How messages show a value. Clients compare these messages with Strapi's, which prints the leaves of an object as text.

use serde_json::Value;

/// `value` as messages show it: `5`, `"maybe"`, or indented JSON whose leaves are texts.
pub(super) fn print(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => format!("{:#}", leaves_as_text(value)),
        simple => print_simple(simple),
    }
}

fn print_simple(value: &Value) -> String {
    match value {
        Value::String(text) => format!("\"{text}\""),
        other => other.to_string(),
    }
}

fn leaves_as_text(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().map(leaves_as_text).collect(),
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), leaves_as_text(value))).collect(),
        simple => Value::String(print_simple(simple)),
    }
}
