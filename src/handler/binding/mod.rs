//! What the secrets of a record are bound to: its handler, and whatever else decides where they are sent. Who writes a record
//! need not know its secrets, and must not be able to learn them by having them sent to a place of his own.
//!
//! Which members of config and credentials decide is a fact of their schema: those with the format `uri` or `hostname`, and
//! those marked with [`DESTINATION`]. A member that no schema knows decides when it looks like it. A handler of a whole
//! namespace passes such members on as they are, to a program that nobody here knows: all of them decide while it is sent
//! the secrets too.
//!
//! The same rule holds for the instance's own credentials: see [`super::Defaults`].

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use url::Url;

use super::schema::DESTINATION;
use super::{Entry, Registry};
use crate::secrets::{MASK, USE_DEFAULT};

/// The members of a record that decide where its secrets go.
#[derive(Debug, Clone, Copy)]
pub struct Wiring<'a> {
    /// Its key.
    pub key: &'a str,
    /// Its url.
    pub url: Option<&'a str>,
    /// Its config.
    pub config: &'a Value,
    /// Its credentials, opened. Where they stay as they are, their mask does as well.
    pub credentials: &'a Value,
}

/// What of a record decides where secrets go, by its path. What says nothing is not here.
type Destinations = BTreeMap<Vec<String>, String>;

impl Registry {
    /// The paths of what decides where secrets go and is not the same in both; none when they go where they went. The path of
    /// a url is no part of that, only its origin: who holds the one holds the other.
    pub fn redirects(&self, before: Wiring<'_>, after: Wiring<'_>) -> Vec<Vec<String>> {
        let entry = |key| self.find(key).map(|entry| &**entry);
        redirects((entry(before.key), before), (entry(after.key), after))
    }

    /// Whether a stored secret of a record with this key stays when `sent` comes in place of `stored`: because a mask stands
    /// for it or, where nothing is sent, by itself.
    pub fn keeps_secret(&self, key: &str, stored: &Value, sent: Option<&Value>) -> bool {
        let schema = self.find(key).map_or(&Value::Null, |entry| &entry.description().credentials_schema);
        match (stored, sent) {
            (Value::Object(members), None) => secrets(schema, members).any(|(_, stored)| has_value(stored)),
            (Value::Object(members), Some(Value::Object(sent))) => {
                secrets(schema, members).any(|(name, stored)| sent.get(name).is_some_and(|sent| keeps(sent, stored)))
            }
            (stored, None) => has_value(stored),
            (stored, Some(sent)) => keeps(sent, stored),
        }
    }
}

/// What [`Registry::redirects`] finds between two records with these handlers.
pub(super) fn redirects(
    (entry, before): (Option<&Entry>, Wiring<'_>),
    (other, after): (Option<&Entry>, Wiring<'_>),
) -> Vec<Vec<String>> {
    let all = passes_all_on(entry, before) || passes_all_on(other, after);
    let unknown = if all { add_all } else { add_unknown };
    let (before, after) = (destinations(entry, before, unknown), destinations(other, after, unknown));
    let added = after.keys().filter(|path| !before.contains_key(*path));
    before.keys().chain(added).filter(|path| before.get(*path) != after.get(*path)).cloned().collect()
}

/// Whether the handler passes on what its schemas do not know, and secrets with it: one of a whole namespace does, unless
/// all switches that its config has for that are off.
fn passes_all_on(entry: Option<&Entry>, wiring: Wiring<'_>) -> bool {
    let Some(entry) = entry.filter(|entry| entry.descriptor().namespace().is_some()) else { return false };
    let properties = entry.description().config_schema["properties"].as_object();
    let mut switches = properties.into_iter().flatten().filter(|(_, schema)| is_switch(schema)).peekable();
    switches.peek().is_none() || switches.any(|(name, _)| decided(&wiring.config[name.as_str()]).is_some())
}

/// What of a record decides, where `unknown` adds what counts of a member that no schema knows.
fn destinations(
    entry: Option<&Entry>,
    wiring: Wiring<'_>,
    unknown: fn(Vec<String>, &Value, &mut Destinations),
) -> Destinations {
    let mut found = Destinations::new();
    // In a namespace that one handler has, each key is something of its own.
    let handler = entry.map(|entry| entry.descriptor()).filter(|descriptor| descriptor.namespace().is_none());
    found.insert(vec!["key".to_owned()], handler.map_or(wiring.key, |descriptor| descriptor.key).to_owned());
    found.extend(wiring.url.and_then(place).map(|url| (vec!["url".to_owned()], url)));
    let description = entry.map(|entry| entry.description());
    let config = description.map_or(&Value::Null, |description| &description.config_schema);
    let credentials = description.map_or(&Value::Null, |description| &description.credentials_schema);
    for (name, schema, value) in [("config", config, wiring.config), ("credentials", credentials, wiring.credentials)] {
        let Value::Object(members) = value else { continue };
        for (member, value) in members {
            let path = vec![name.to_owned(), member.clone()];
            match &schema["properties"][member.as_str()] {
                Value::Null => unknown(path, value, &mut found),
                known => add_known(path, known, value, &mut found),
            }
        }
    }
    found
}

/// Whether the schema of a member says that its value decides where requests or secrets go.
pub(super) fn is_destination(schema: &Value) -> bool {
    matches!(schema["format"].as_str(), Some("uri" | "hostname")) || schema[DESTINATION] == true
}

/// Whether the member with this schema says whether secrets go along, and not where.
pub(super) fn is_switch(schema: &Value) -> bool {
    schema[DESTINATION] == true && schema["type"] == "boolean"
}

/// Whether a member with this name looks as if it decided where requests go.
pub fn sounds_like_a_destination(name: &str) -> bool {
    const WORDS: [&str; 9] =
        ["url", "uri", "host", "endpoint", "server", "domain", "origin", "address", "send_credentials"];
    let name = name.to_ascii_lowercase();
    WORDS.iter().any(|word| name.contains(word))
}

fn add_known(path: Vec<String>, schema: &Value, value: &Value, found: &mut Destinations) {
    if is_destination(schema) {
        found.extend(decided(value).map(|decided| (path, decided)));
        return;
    }
    let (Value::Object(members), Some(properties)) = (value, schema["properties"].as_object()) else { return };
    for (name, value) in members {
        if let Some(schema) = properties.get(name) {
            add_known(below(&path, name), schema, value, found);
        }
    }
}

/// A url decides wherever it stands, and any text under a name that says so.
fn add_unknown(path: Vec<String>, value: &Value, found: &mut Destinations) {
    match value {
        Value::String(text) => {
            let is_named = path.last().is_some_and(|name| sounds_like_a_destination(name));
            if is_named || names_a_host(text) {
                found.extend(place(text).map(|place| (path, place)));
            }
        }
        Value::Array(items) => {
            for (number, value) in items.iter().enumerate() {
                add_unknown(below(&path, &number.to_string()), value, found);
            }
        }
        Value::Object(members) => {
            members.iter().for_each(|(name, value)| add_unknown(below(&path, name), value, found))
        }
        _ => {}
    }
}

/// Every value counts, whatever it is: only null says nothing.
fn add_all(path: Vec<String>, value: &Value, found: &mut Destinations) {
    match value {
        Value::Null => {}
        Value::Array(items) if !items.is_empty() => {
            for (number, value) in items.iter().enumerate() {
                add_all(below(&path, &number.to_string()), value, found);
            }
        }
        Value::Object(members) if !members.is_empty() => {
            members.iter().for_each(|(name, value)| add_all(below(&path, name), value, found));
        }
        value => drop(found.insert(path, value.to_string())),
    }
}

/// Whether a text is a url with a host, of whatever scheme, or one that leaves the scheme open (`//a.example`).
fn names_a_host(text: &str) -> bool {
    let text = text.trim();
    text.starts_with("//") || Url::parse(text).is_ok_and(|url| url.has_host())
}

fn below(path: &[String], name: &str) -> Vec<String> {
    path.iter().cloned().chain([name.to_owned()]).collect()
}

/// What a value decides; `None` for null, false and an empty text, which say nothing.
fn decided(value: &Value) -> Option<String> {
    match value {
        Value::Null | Value::Bool(false) => None,
        Value::String(text) => place(text),
        other => Some(other.to_string()),
    }
}

/// Where a text leads: the origin of a url, or the text itself in lower case; `None` for an empty one.
fn place(text: &str) -> Option<String> {
    let text = text.trim();
    let origin = Url::parse(text).ok().map(|url| url.origin()).filter(url::Origin::is_tuple);
    let place = origin.map_or_else(|| text.to_lowercase(), |origin| origin.ascii_serialization());
    Some(place).filter(|place| !place.is_empty())
}

/// Those members of credentials that may be secret.
fn secrets<'a>(schema: &'a Value, members: &'a Map<String, Value>) -> impl Iterator<Item = (&'a String, &'a Value)> {
    let is_secret = |name: &str| name != USE_DEFAULT && may_be_secret(&schema["properties"][name]);
    members.iter().filter(move |(name, _)| is_secret(name))
}

/// Whether a value with this schema may hold a secret: unless the schema knows it and says that it is none.
fn may_be_secret(schema: &Value) -> bool {
    match (schema, schema["properties"].as_object()) {
        (Value::Object(_), Some(properties)) if !properties.is_empty() => properties.values().any(may_be_secret),
        (Value::Object(_), _) => schema["format"] == "password" || schema["type"].to_string().contains("object"),
        _ => true,
    }
}

fn keeps(sent: &Value, stored: &Value) -> bool {
    match sent {
        Value::String(text) if text == MASK => has_value(stored),
        Value::Object(members) => members.iter().any(|(name, sent)| keeps(sent, &stored[name.as_str()])),
        Value::Array(items) => items.iter().enumerate().any(|(place, sent)| keeps(sent, &stored[place])),
        _ => false,
    }
}

fn has_value(stored: &Value) -> bool {
    match stored {
        Value::Null => false,
        Value::Object(members) => members.values().any(has_value),
        Value::Array(items) => items.iter().any(has_value),
        _ => true,
    }
}

#[cfg(test)]
mod tests;
