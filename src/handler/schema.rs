//! JSON Schemas of config and credentials, fit for a form.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::Schema;

use super::policy::{MEMBER, Policy};
use crate::json_schema::tidy;
use crate::secrets::USE_DEFAULT;

/// The member of a property's schema which says that its value decides where secrets go. In a handler's types:
/// `#[schema(extensions(("x-destination" = json!(true))))]`.
pub const DESTINATION: &str = "x-destination";

/// How deep types may refer to each other; one that refers to itself ends here.
const DEPTH: usize = 8;

/// The schema of a record's `config`, with the runner's `policy` in it.
pub(super) fn of_config<T: ToSchema>() -> Value {
    let mut schema = of::<T>();
    if let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        let mut policy = of::<Policy>();
        policy["title"] = json!("Policy");
        properties.insert(MEMBER.to_owned(), policy);
    }
    schema
}

/// The schema of a record's `credentials`. Passwords are never read back, which `writeOnly` says. Where there are any
/// credentials, the instance's own can stand for them, and then nothing is required.
pub(super) fn of_credentials<T: ToSchema>() -> Value {
    let mut schema = of::<T>();
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return schema };
    for property in properties.values_mut().filter(|property| has_password(property)) {
        property["writeOnly"] = true.into();
    }
    if properties.is_empty() {
        return schema;
    }
    let property = json!({
        "title": "Use the instance's own",
        "type": "boolean",
        "default": false,
        "description": DEFAULT,
        DESTINATION: true,
    });
    properties.insert(USE_DEFAULT.to_owned(), property);
    if let Some(required) = schema.as_object_mut().and_then(|members| members.shift_remove("required")) {
        schema["if"] = json!({"required": [USE_DEFAULT], "properties": {USE_DEFAULT: {"const": true}}});
        schema["else"] = json!({"required": required});
    }
    schema
}

/// Whether anything in a schema is a password.
pub(super) fn has_password(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => {
            members.get("format").is_some_and(|format| format == "password") || members.values().any(has_password)
        }
        Value::Array(items) => items.iter().any(has_password),
        _ => false,
    }
}

/// What a form says of the member that asks for the instance's own credentials.
const DEFAULT: &str = "Takes the credentials that this instance has for this service, if it has some: hasDefault says \
    so. What else is given here stands in place of single values of them. They go where the instance says, so the record \
    must have no url then.";

/// The schema of a type, whole: what it refers to stands in place, and every property has a title.
fn of<T: ToSchema>() -> Value {
    let mut referred = Vec::new();
    T::schemas(&mut referred);
    let referred = referred.into_iter().map(|(name, schema)| (name, to_json(&schema))).collect();
    let mut schema = inline(to_json(&T::schema()), &referred, DEPTH);
    tidy(&mut schema);
    if let Some(members) = schema.as_object_mut() {
        members.entry("properties").or_insert_with(|| json!({}));
        members.remove("description");
    }
    add_titles(&mut schema);
    schema
}

fn to_json(schema: &RefOr<Schema>) -> Value {
    // A schema is made of texts, numbers and maps with texts for keys: nothing that could fail.
    serde_json::to_value(schema).unwrap_or_default()
}

fn inline(schema: Value, referred: &BTreeMap<String, Value>, depth: usize) -> Value {
    match schema {
        Value::Object(members) => {
            let name = members.get("$ref").and_then(Value::as_str).and_then(|path| path.rsplit('/').next());
            match name.and_then(|name| referred.get(name)) {
                Some(found) if depth > 0 => inline(found.clone(), referred, depth - 1),
                _ => members.into_iter().map(|(name, value)| (name, inline(value, referred, depth))).collect(),
            }
        }
        Value::Array(items) => items.into_iter().map(|item| inline(item, referred, depth)).collect(),
        other => other,
    }
}

fn add_titles(schema: &mut Value) {
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (name, property) in properties.iter_mut() {
        add_titles(property);
        let Some(members) = property.as_object_mut() else { continue };
        if !members.contains_key("title") {
            let titled = std::iter::once(("title".to_owned(), title(name))).chain(std::mem::take(members));
            *members = titled.collect::<Map<_, _>>();
        }
    }
}

/// `distinct_id` as a form shows it: `Distinct id`.
fn title(name: &str) -> Value {
    let words = name.replace(['_', '-'], " ");
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::Empty;

    #[derive(ToSchema)]
    #[allow(dead_code)] // The schema is what is looked at.
    struct Config {
        /// How the person is told apart.
        distinct_id: String,
        kind: Option<Kind>,
        nested: Nested,
    }

    #[derive(ToSchema)]
    #[allow(dead_code)] // The same.
    #[schema(rename_all = "lowercase")]
    enum Kind {
        Rich,
        Plain,
    }

    #[derive(ToSchema)]
    #[allow(dead_code)] // The same.
    struct Nested {
        #[schema(format = Password)]
        api_key: String,
    }

    #[test]
    fn a_schema_stands_alone_and_is_fit_for_a_form() {
        let schema = of_config::<Config>();
        assert!(!schema.to_string().contains("$ref"), "{schema}");
        assert_eq!(schema["properties"]["distinct_id"]["title"], "Distinct id");
        assert_eq!(schema["properties"]["distinct_id"]["description"], "How the person is told apart.");
        assert!(schema["properties"]["kind"].to_string().contains(r#"["rich","plain"]"#), "{schema}");
        assert_eq!(schema["required"], json!(["distinct_id", "nested"]));
        assert_eq!(schema["properties"]["policy"]["properties"]["timeout_s"]["minimum"], 1);
    }

    #[test]
    fn secrets_are_marked() {
        let schema = of_credentials::<Nested>();
        assert_eq!(schema["properties"]["api_key"]["format"], "password");
        assert_eq!(schema["properties"]["api_key"]["writeOnly"], true);
        assert_eq!(of_credentials::<Empty>()["properties"], json!({}));
    }

    #[test]
    fn nothing_is_required_of_who_uses_the_instances_own() {
        let schema = of_credentials::<Nested>();
        assert_eq!(schema["properties"][USE_DEFAULT]["type"], "boolean");
        assert_eq!((&schema["required"], &schema["else"]["required"]), (&Value::Null, &json!(["api_key"])));
        assert_eq!(schema["if"]["properties"][USE_DEFAULT], json!({"const": true}));
    }
}
