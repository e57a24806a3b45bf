//! Schemas mean what they say: those of the OpenAPI document, and those that the directory has of each handler's config
//! and credentials.

use crate::support::database::catalog;
use serde_json::{Map, Value, json};
use tenon::extensions;
use tenon::http::openapi;

/// Members of a schema that hold data and no schemas.
const DATA: [&str; 5] = ["const", "default", "enum", "example", "examples"];
/// Members whose own members have names of their own.
const NAMED: [&str; 4] = ["$defs", "patternProperties", "properties", "schemas"];

/// The schemas of `value`, and what only holds schemas, with where each stands.
fn visit<'a>(value: &'a Value, path: &str, found: &mut Vec<(String, &'a Map<String, Value>)>) {
    match value {
        Value::Object(members) => {
            found.push((path.to_owned(), members));
            for (name, member) in members {
                match member {
                    _ if DATA.contains(&name.as_str()) => {}
                    Value::Object(named) if NAMED.contains(&name.as_str()) => {
                        named.iter().for_each(|(key, member)| visit(member, &format!("{path}/{name}/{key}"), found));
                    }
                    _ => visit(member, &format!("{path}/{name}"), found),
                }
            }
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, item)| visit(item, &format!("{path}/{at}"), found))
        }
        _ => {}
    }
}

fn all(value: &Value) -> Vec<(String, &Map<String, Value>)> {
    let mut found = Vec::new();
    visit(value, "", &mut found);
    found
}

/// The document, and the schemas of each handler by its key.
fn documents() -> Vec<(String, Value)> {
    let handlers = extensions::registry().expect("the handlers");
    let of_handlers = handlers.entries().flat_map(|entry| {
        let described = entry.description();
        [("config", &described.config_schema), ("credentials", &described.credentials_schema)]
            .map(|(part, schema)| (format!("{} {part}", described.key), schema.clone()))
    });
    std::iter::once(("openapi".to_owned(), openapi::document(catalog()).expect("a document")))
        .chain(of_handlers)
        .collect()
}

fn kinds(schema: &Map<String, Value>) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
        Some(kind) => kind.as_str().into_iter().collect(),
        None => Vec::new(),
    }
}

/// What is wrong with `value` by `schema`, which may refer to the components of `document`.
fn refusals(schema: &Value, document: &Value, value: &Value) -> Vec<String> {
    let whole = json!({"components": document["components"], "allOf": [schema]});
    let validator = jsonschema::options().should_validate_formats(true).build(&whole).expect("a schema");
    validator.iter_errors(value).map(|error| error.to_string()).collect()
}

/// The examples that stand beside a schema, or in it.
fn examples(members: &Map<String, Value>) -> Vec<&Value> {
    let listed = match members.get("examples") {
        Some(Value::Array(values)) => values.iter().collect(),
        Some(Value::Object(named)) => named.values().map(|named| &named["value"]).collect(),
        _ => Vec::new(),
    };
    members.get("example").into_iter().chain(members.get("default")).chain(listed).collect()
}

#[test]
fn every_schema_accepts_its_own_default_and_its_examples() {
    let mut tried = 0;
    for (of, document) in documents() {
        for (path, members) in all(&document) {
            let schema = members.get("schema").cloned().unwrap_or_else(|| Value::Object(members.clone()));
            for example in examples(members) {
                let refusals = refusals(&schema, &document, example);
                assert!(refusals.is_empty(), "{of}{path}: {example} is refused: {refusals:?}");
                tried += 1;
            }
        }
    }
    assert!(tried > 80, "{tried} examples");
}

#[test]
fn every_schema_of_a_handler_accepts_a_value_with_all_that_it_names() {
    for (of, schema) in documents().into_iter().skip(1) {
        let sample = sample(&schema).expect("an object");
        let refusals = refusals(&schema, &Value::Null, &sample);
        assert!(refusals.is_empty(), "{of}: {sample} is refused: {refusals:?}");
        for (path, members) in all(&schema) {
            for word in members.get("enum").and_then(Value::as_array).into_iter().flatten() {
                let whole = Value::Object(members.clone());
                assert!(self::refusals(&whole, &Value::Null, word).is_empty(), "{of}{path} refuses {word}");
            }
        }
    }
}

/// A value that the schema should accept, with every property; none where a pattern would have to be guessed.
fn sample(schema: &Value) -> Option<Value> {
    let members = schema.as_object()?;
    let given = ["default", "example", "const"].iter().find_map(|name| members.get(*name)).cloned();
    let listed = ["examples", "enum"].iter().find_map(|name| members.get(*name)?.get(0)).cloned();
    if let Some(value) = given.or(listed) {
        return Some(value);
    }
    for name in ["oneOf", "anyOf", "allOf"] {
        if let Some(choices) = members.get(name).and_then(Value::as_array) {
            return choices.iter().filter(|choice| choice["type"] != "null").find_map(sample);
        }
    }
    let number = |name: &str| members.get(name).and_then(Value::as_i64);
    Some(match kinds(members).first().copied() {
        Some("string") if members.contains_key("pattern") => return None,
        Some("string") => match members.get("format").and_then(Value::as_str) {
            Some("email") => json!("ada@example.com"),
            Some("uri") => json!("https://shop.example/hook"),
            Some("date-time") => json!("2026-01-02T03:04:05Z"),
            _ => {
                json!("x".repeat(number("minLength").unwrap_or(1).max(1).unsigned_abs().try_into().expect("a length")))
            }
        },
        Some("integer" | "number") => json!(number("minimum").unwrap_or(1)),
        Some("boolean") => json!(true),
        Some("array") => json!([sample(&members["items"])?]),
        _ => {
            let properties = members.get("properties").and_then(Value::as_object).into_iter().flatten();
            properties.filter_map(|(name, property)| Some((name.clone(), sample(property)?))).collect()
        }
    })
}

#[test]
fn no_schema_is_written_in_a_way_that_generators_of_clients_misread() {
    for (of, document) in documents() {
        for (path, schema) in all(&document) {
            let kinds = kinds(schema);
            let says = |names: &[&str]| names.iter().any(|name| schema.contains_key(*name));
            if kinds.contains(&"object") {
                let is_said = says(&["properties", "additionalProperties", "allOf", "oneOf", "anyOf"]);
                assert!(is_said, "{of}{path}: an object that does not say what it takes is one that takes nothing");
            }
            assert!(!kinds.contains(&"array") || says(&["items"]), "{of}{path}: a list of what?");
            let is_choice = path.rsplit('/').nth(1).is_some_and(|parent| ["oneOf", "anyOf"].contains(&parent));
            assert!(
                kinds != ["null"] || is_choice,
                "{of}{path}: a value that is always null has no type in most languages"
            );
        }
    }
}

#[test]
fn what_is_populated_is_a_list_or_it_is_not() {
    let document = openapi::document(catalog()).expect("a document");
    for (of, name) in [
        ("Store", "products"),
        ("Store", "URLS"),
        ("Product", "PRICES"),
        ("Product", "stores"),
        ("Price", "extensions"),
    ] {
        let property = &document["components"]["schemas"][of]["properties"][name];
        assert_eq!(property["type"], "array", "{of}.{name}: {property}");
    }
}

#[test]
fn nothing_that_may_be_left_out_is_made_required_by_a_default() {
    let document = openapi::document(catalog()).expect("a document");
    let schemas = all(&document["components"]["schemas"]);
    let with_default =
        schemas.iter().filter(|(path, schema)| schema.contains_key("default") && path.contains("/properties/"));
    let paths: Vec<&str> = with_default.map(|(path, _)| path.as_str()).collect();
    assert!(paths.is_empty(), "{paths:?}");
}
