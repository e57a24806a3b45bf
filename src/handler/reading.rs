//! Reads config and credentials in a handler's own types, and tells all that does not fit.

use std::borrow::Cow;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::policy::MEMBER;
use super::{ConfigError, Masker};

/// How many faults of one value are told at most.
const MOST: usize = 20;
/// How deep an example is made up.
const DEPTH: usize = 4;

/// How serde tells of a member that is not there.
pub(super) const MISSING: &str = "missing field `";

/// Reads a handler's own type; nothing at all is read as an object without members. The error is what serde refuses first.
pub(super) fn read<T: DeserializeOwned>(value: &Value) -> Result<T, ConfigError> {
    let value = bare(value)?;
    serde_path_to_error::deserialize(&*value).map_err(|error| {
        let path = error.path().to_string();
        let (path, message) = (if path == "." { String::new() } else { path }, error.into_inner().to_string());
        // serde tells of the object that lacks something; people look for the member.
        let name = message.strip_prefix(MISSING).and_then(|rest| rest.strip_suffix('`'));
        let path = match name {
            Some(name) if path.is_empty() => name.to_owned(),
            Some(name) => format!("{path}.{name}"),
            None => path,
        };
        ConfigError { path, message }
    })
}

/// Reads as [`read`] does. The error is all that does not fit, one fault for each member: serde stops at the first, so what
/// its `schema` gives for an example is put in its place, and the rest is read again.
pub(super) fn read_all<T: DeserializeOwned>(value: &Value, schema: &Value) -> Result<T, Vec<ConfigError>> {
    let mut next = match read(value) {
        Ok(read) => return Ok(read),
        Err(first) => first,
    };
    let mut found: Vec<ConfigError> = Vec::new();
    let mut mended = if value.is_null() { json!({}) } else { value.clone() };
    loop {
        let name = next.path.split(['.', '[']).next().unwrap_or_default().to_owned();
        // The example does not fit either, or the fault is of no member: there is nothing to go on with.
        let is_told = |one: &ConfigError| one.path.split(['.', '[']).next() == Some(name.as_str());
        if found.iter().any(is_told) || found.len() == MOST {
            return Err(found);
        }
        found.push(next);
        let Some(members) = mended.as_object_mut().filter(|_| !name.is_empty()) else { return Err(found) };
        match schema["properties"].get(name.as_str()) {
            Some(property) => drop(members.insert(name.clone(), example(property, DEPTH))),
            None => drop(members.shift_remove(&name)),
        }
        match read::<T>(&mended) {
            Ok(_) => return Err(found),
            Err(config_error) => next = config_error,
        }
    }
}

/// The members of `value` that a handler's own type has no use for, such as misspelt ones: their paths.
pub(super) fn unknown<T: DeserializeOwned>(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let Ok(value) = bare(value) else { return found };
    // What does not fit is told elsewhere; what was looked at until then counts.
    let _: Result<T, _> = serde_ignored::deserialize(&*value, |path| {
        if found.len() < MOST {
            found.push(path.to_string().replace(".?", ""));
        }
    });
    found
}

/// What serde tells of a credential that does not fit, without the value: of ``invalid type: string "x", expected a number``
/// the last part.
pub(super) fn without_value(message: &str, credentials: &Value, schema: &Value) -> String {
    match message.rsplit_once(", expected ") {
        Some((_, expected)) => format!("expected {expected}"),
        None => Masker::of(credentials, schema).text(message),
    }
}

/// The handler's part of a value, without the runner's policy.
fn bare(value: &Value) -> Result<Cow<'_, Value>, ConfigError> {
    match value {
        Value::Null => Ok(Cow::Owned(Value::Object(Map::new()))),
        Value::Object(members) if members.contains_key(MEMBER) => {
            let mut members = members.clone();
            members.shift_remove(MEMBER);
            Ok(Cow::Owned(Value::Object(members)))
        }
        Value::Object(_) => Ok(Cow::Borrowed(value)),
        _ => Err(ConfigError { path: String::new(), message: "must be an object".to_owned() }),
    }
}

/// A value that a schema takes, as far as it says.
fn example(schema: &Value, depth: usize) -> Value {
    let given = [&schema["example"], &schema["examples"][0], &schema["default"], &schema["enum"][0]];
    if let Some(given) = given.into_iter().find(|given| !given.is_null()) {
        return given.clone();
    }
    let of_parts = ["allOf", "oneOf", "anyOf"].iter().filter_map(|name| schema[*name].as_array()).flatten();
    let mut of_parts = of_parts.filter(|part| part["type"] != "null");
    if let Some(part) = of_parts.next().filter(|_| depth > 0) {
        return example(part, depth - 1);
    }
    let kinds = schema["type"].as_array().map_or(std::slice::from_ref(&schema["type"]), Vec::as_slice);
    match kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null") {
        Some("integer" | "number") => schema.get("minimum").cloned().unwrap_or_else(|| json!(1)),
        Some("boolean") => json!(false),
        Some("array") => json!([]),
        Some("object") => {
            let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let member = |name: &str| (name.to_owned(), example(&schema["properties"][name], depth.saturating_sub(1)));
            if depth > 0 { required.map(member).collect() } else { json!({}) }
        }
        _ => json!("x"),
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use utoipa::ToSchema;

    use super::*;
    use crate::handler::schema;

    #[derive(Debug, Deserialize, ToSchema)]
    #[allow(dead_code)] // What is read is not looked at.
    struct Config {
        list: Vec<Item>,
        color: Option<u32>,
        kind: Kind,
        name: String,
    }

    #[derive(Debug, Deserialize, ToSchema)]
    #[allow(dead_code)] // The same.
    struct Item {
        id: u32,
    }

    #[derive(Debug, Deserialize, ToSchema)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Rich,
        Plain,
    }

    #[test]
    fn all_faults_are_told_each_with_its_path() {
        let schema = schema::of_config::<Config>();
        let told = |value: Value| -> Vec<String> {
            let config_errors = read_all::<Config>(&value, &schema).expect_err("it does not fit");
            config_errors
                .into_iter()
                .map(|config_error| format!("{} {}", config_error.path, config_error.message))
                .collect()
        };
        assert_eq!(
            told(Value::Null),
            ["list missing field `list`", "kind missing field `kind`", "name missing field `name`"]
        );
        assert_eq!(
            told(json!({"list": [{"id": 1}, {}], "color": "red", "kind": "loud", "name": 5, "policy": {}})),
            [
                "list[1].id missing field `id`",
                "color invalid type: string \"red\", expected u32",
                "kind unknown variant `loud`, expected `rich` or `plain`",
                "name invalid type: number, expected a string",
            ]
        );
        assert_eq!(told(json!([1])), [" must be an object"]);
        assert!(read_all::<Config>(&json!({"list": [], "kind": "rich", "name": "x"}), &schema).is_ok());
    }

    #[test]
    fn members_that_mean_nothing_are_named() {
        let value =
            json!({"list": [{"id": 1, "note": 2}], "kind": "rich", "name": "x", "colour": 5, "policy": {"x": 1}});
        assert_eq!(unknown::<Config>(&value), ["list.0.note", "colour"]);
    }
}
