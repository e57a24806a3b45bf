//! What of an answer must be as it was recorded.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::names::{named, normal};
use super::wire::{Answer, Body};

const HEADERS: [&str; 4] = ["content-type", "location", "allow", "www-authenticate"];

/// Attributes of Tenon's content types that the recorded ones did not have.
const ADDED: [&str; 12] = [
    "STRIPE_CUSTOMER_ID",
    "settings",
    "Logo",
    "Cover",
    "Favicon",
    "Slides",
    "attributes",
    "Thumbnail",
    "socialImage",
    "sendgrid_contact_id",
    "sendgrid_list_ids",
    "last_synced_at",
];

/// The names of the documentIds of the recording, and of the server at hand.
pub struct Known<'a> {
    pub recorded: &'a BTreeMap<String, String>,
    pub live: &'a BTreeMap<String, String>,
}

/// The differences between what was recorded for `case` and the answer; none when it is as it must be.
pub fn differences(case: &Value, recorded: &Value, answer: &Answer, known: &Known<'_>) -> Vec<String> {
    let rules = &case["compare"];
    let mut found = Vec::new();
    if recorded["status"].as_u64() != Some(answer.status.into()) {
        found.push(format!("status: expected {} got {}", recorded["status"], answer.status));
    }
    if rules["status_only"] == true {
        return found;
    }
    for name in HEADERS.into_iter().chain(texts(&rules["headers"])) {
        let clean = |value: &str| match name {
            "content-type" => value.replace(' ', "").to_lowercase(),
            _ => value.to_owned(),
        };
        let expected = recorded["headers"][name].as_str().map(|value| named(&clean(value), known.recorded));
        let got = answer.headers.get(name).map(|value| named(&clean(value), known.live));
        if expected != got {
            found.push(format!("header {name}: expected {expected:?} got {got:?}"));
        }
    }
    match (recorded.get("body"), recorded.get("text"), &answer.body) {
        (Some(expected), _, Body::Json(got)) => {
            let raw: Vec<&str> = texts(&rules["raw"]).collect();
            let mut expected = normal(expected, "", known.recorded, &raw);
            let mut got = normal(got, "", known.live, &raw);
            for path in texts(&rules["ignore"]) {
                drop_at(&mut expected, path);
                drop_at(&mut got, path);
            }
            forgive(&expected, &mut got, true);
            compare("$", &expected, &got, &mut found);
        }
        (None, Some(expected), Body::Text(got)) if expected.as_str() == Some(got.as_str()) => {}
        (None, None, Body::None) => {}
        (_, _, got) => found.push(format!("body: expected another than {}", shortened(&format!("{got:?}")))),
    }
    found
}

fn texts(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn drop_at(node: &mut Value, path: &str) {
    match (node, path.split_once('.')) {
        (Value::Array(items), _) => items.iter_mut().for_each(|item| drop_at(item, path)),
        (Value::Object(members), Some((name, below))) => {
            if let Some(value) = members.get_mut(name) {
                drop_at(value, below);
            }
        }
        (Value::Object(members), None) => drop(members.shift_remove(path)),
        _ => {}
    }
}

/// Removes from the answer what Tenon adds by design: its own attributes, `meta.warnings`, what helps with an error, and masks
/// over credentials.
fn forgive(expected: &Value, got: &mut Value, is_top: bool) {
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            let is_added = |name: &str| ADDED.contains(&name) || (["warnings", "nearest"].contains(&name) && !is_top);
            got.retain(|name, _| expected.contains_key(name) || !is_added(name));
            for (name, got) in got.iter_mut() {
                match expected.get(name) {
                    Some(value) if name == "credentials" && is_mask_of(value, got) => *got = value.clone(),
                    Some(value) => forgive(value, got, false),
                    None => {}
                }
            }
        }
        (Value::Array(expected), Value::Array(got)) => {
            expected.iter().zip(got).for_each(|(expected, got)| forgive(expected, got, false));
        }
        _ => {}
    }
}

fn is_mask_of(secret: &Value, mask: &Value) -> bool {
    match (secret, mask) {
        (Value::Object(secret), Value::Object(mask)) => {
            let is_member_of = |mask: &Map<String, Value>, name: &str, value| {
                mask.get(name).is_some_and(|mask| is_mask_of(value, mask))
            };
            secret.len() == mask.len() && secret.iter().all(|(name, value)| is_member_of(mask, name, value))
        }
        (Value::Array(secret), Value::Array(mask)) => {
            secret.len() == mask.len() && secret.iter().zip(mask).all(|(secret, mask)| is_mask_of(secret, mask))
        }
        (Value::Null, mask) => mask.is_null(),
        (_, mask) => mask == "********",
    }
}

fn compare(path: &str, expected: &Value, got: &Value, found: &mut Vec<String>) {
    match (expected, got) {
        (Value::Object(expected), Value::Object(got)) => {
            for (name, value) in expected {
                match got.get(name) {
                    Some(got) => compare(&format!("{path}.{name}"), value, got, found),
                    None => found.push(format!("{path}.{name}: missing, expected {}", shortened(&value.to_string()))),
                }
            }
            for (name, value) in got.iter().filter(|(name, _)| !expected.contains_key(*name)) {
                found.push(format!("{path}.{name}: unexpected {}", shortened(&value.to_string())));
            }
        }
        (Value::Array(expected), Value::Array(got)) => {
            if expected.len() != got.len() {
                found.push(format!("{path}: expected {} items, got {}", expected.len(), got.len()));
            }
            for (place, (expected, got)) in expected.iter().zip(got).enumerate() {
                compare(&format!("{path}[{place}]"), expected, got, found);
            }
        }
        (Value::Number(expected), Value::Number(got)) if expected.as_f64() == got.as_f64() => {}
        (expected, got) if expected == got => {}
        (expected, got) => {
            let (expected, got) = (shortened(&expected.to_string()), shortened(&got.to_string()));
            found.push(format!("{path}: expected {expected} got {got}"));
        }
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(200).collect()
}
