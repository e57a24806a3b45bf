//! What of credentials may be read: whatever their handler's schema does not call a secret.

use serde_json::Value;
use url::Url;

use super::schema::has_password;

/// Whether the member `name` of credentials with this `schema` is no secret: the schema knows it and does not call it a
/// password.
///
/// A value that does not belong there may be a secret in the wrong place, and a url with a user or a password in it is one.
pub(super) fn is_shown(schema: &Value, name: &str, value: &Value) -> bool {
    let Some(known) = schema["properties"].get(name) else { return false };
    let belongs = match value {
        Value::String(text) => !has_user(text) && words(known).is_none_or(|words| words.contains(&value)),
        Value::Number(_) | Value::Bool(_) => allows(known, value),
        _ => false,
    };
    belongs && !has_password(known)
}

/// The words that a value is one of, where the schema gives them.
fn words(schema: &Value) -> Option<Vec<&Value>> {
    match schema {
        Value::Object(members) => match members.get("enum") {
            Some(words) => Some(words.as_array().into_iter().flatten().collect()),
            None => members.values().find_map(words),
        },
        Value::Array(items) => items.iter().find_map(words),
        _ => None,
    }
}

/// Whether a schema names the type of a number or a truth value.
fn allows(schema: &Value, value: &Value) -> bool {
    let types = schema["type"].as_array().map_or_else(|| vec![&schema["type"]], |types| types.iter().collect());
    types.iter().any(|name| match value {
        Value::Bool(_) => *name == "boolean",
        _ => *name == "number" || *name == "integer",
    })
}

fn has_user(text: &str) -> bool {
    Url::parse(text.trim()).is_ok_and(|url| !url.username().is_empty() || url.password().is_some())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_schema_says_what_is_secret() {
        let schema = json!({"properties": {
            "mode": {"oneOf": [{"type": "null"}, {"type": "string", "enum": ["test", "live"]}]},
            "database": {"type": ["string", "null"]},
            "port": {"type": "integer"},
            "key": {"type": "string", "format": "password"},
            "nested": {"properties": {"key": {"format": "password"}}},
        }});
        for (name, value, expected) in [
            ("mode", json!("live"), true),
            ("mode", json!("sk_live_in_the_wrong_place"), false),
            ("database", json!("odoo"), true),
            ("database", json!("https://odoo.example/"), true),
            ("database", json!("https://me:pin@odoo.example/"), false),
            ("database", json!({"key": "x"}), false),
            ("database", json!(1234), false),
            ("port", json!(1234), true),
            ("key", json!("k"), false),
            ("nested", json!({"key": "k"}), false),
            ("more", json!("x"), false),
        ] {
            assert_eq!(is_shown(&schema, name, &value), expected, "{name}: {value}");
        }
        assert!(!is_shown(&Value::Null, "mode", &json!("live")));
    }
}
