//! What the secrets of a record are bound to: its handler, and whatever else decides where they are sent. Who writes a record
//! need not know its secrets, and must not be able to learn them by having them sent to a place of his own.
//!
//! Which members of config and credentials decide is a fact of their schema: those with the format `uri` or `hostname`, and
//! those marked with [`DESTINATION`]. A member that no schema knows is passed on as it is, and decides when it looks like it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};
use url::Url;

use super::Registry;
use super::schema::DESTINATION;
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
        let (before, after) = (self.destinations(before), self.destinations(after));
        let added = after.keys().filter(|path| !before.contains_key(*path));
        before.keys().chain(added).filter(|path| before.get(*path) != after.get(*path)).cloned().collect()
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

    fn destinations(&self, wiring: Wiring<'_>) -> Destinations {
        let entry = self.find(wiring.key);
        let mut found = Destinations::new();
        // In a namespace that one handler has, each key is something of its own.
        let handler = entry.map(|entry| entry.descriptor()).filter(|descriptor| descriptor.namespace().is_none());
        found.insert(vec!["key".to_owned()], handler.map_or(wiring.key, |descriptor| descriptor.key).to_owned());
        found.extend(wiring.url.and_then(place).map(|url| (vec!["url".to_owned()], url)));
        let description = entry.map(|entry| entry.description());
        let config = description.map_or(&Value::Null, |description| &description.config_schema);
        let credentials = description.map_or(&Value::Null, |description| &description.credentials_schema);
        for (name, schema, value) in
            [("config", config, wiring.config), ("credentials", credentials, wiring.credentials)]
        {
            let Value::Object(members) = value else { continue };
            for (member, value) in members {
                let path = vec![name.to_owned(), member.clone()];
                match &schema["properties"][member.as_str()] {
                    Value::Null => add_unknown(path, value, &mut found),
                    known => add_known(path, known, value, &mut found),
                }
            }
        }
        found
    }
}

/// Whether the schema of a member says that its value decides where requests or secrets go.
pub(super) fn is_destination(schema: &Value) -> bool {
    matches!(schema["format"].as_str(), Some("uri" | "hostname")) || schema[DESTINATION] == true
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
            if is_named || Url::parse(text).is_ok_and(|url| url.origin().is_tuple()) {
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
mod tests {
    use serde::Deserialize;
    use serde_json::json;
    use utoipa::ToSchema;

    use super::*;
    use crate::handler::{Context, Descriptor, Done, Handler, Outcome};

    struct Crm(&'static str);

    #[derive(Deserialize, ToSchema)]
    #[allow(dead_code)] // The schema is what is looked at.
    struct Config {
        #[schema(format = "uri")]
        base: Option<String>,
        #[schema(extensions(("x-destination" = json!(true))))]
        send: bool,
        picture_url: Option<String>,
        #[schema(value_type = Object)]
        properties: Map<String, Value>,
    }

    #[derive(Deserialize, ToSchema)]
    #[allow(dead_code)] // The same.
    struct Credentials {
        #[schema(format = Password)]
        token: String,
        user: Option<String>,
        #[schema(format = Hostname)]
        host: Option<String>,
    }

    impl Handler for Crm {
        type Config = Config;
        type Credentials = Credentials;

        fn descriptor(&self) -> Descriptor {
            let aliases: &[&str] = if self.0 == "a:crm" { &["a:crm:old"] } else { &[] };
            Descriptor { key: self.0, aliases, name: self.0, ..Descriptor::default() }
        }

        async fn run(&self, _: Context<Self>) -> Outcome {
            Ok(Done::default())
        }
    }

    fn registry() -> Registry {
        let registry = Registry::default().with(Crm("a:crm")).and_then(|registry| registry.with(Crm("any:*")));
        registry.unwrap_or_else(|problem| panic!("{problem}"))
    }

    /// The paths at which a record with `before` in place of its members leads elsewhere than one with `after`.
    fn redirects(before: Value, after: Value) -> Vec<String> {
        let text = |record: &Value, name: &str| record[name].as_str().unwrap_or_default().to_owned();
        let [key, other] = [text(&before, "key"), text(&after, "key")];
        let [url, now] = [text(&before, "url"), text(&after, "url")];
        let wiring = |record, key, url| {
            let record: &Value = record;
            Wiring { key, url: Some(url), config: &record["config"], credentials: &record["credentials"] }
        };
        let found = registry().redirects(wiring(&before, &key, &url), wiring(&after, &other, &now));
        found.iter().map(|path| path.join(".")).collect()
    }

    #[test]
    fn whatever_decides_where_secrets_go_is_found() {
        let record = |key: &str, more: Value| {
            let mut record =
                json!({"key": key, "url": "https://a.example/x", "config": {}, "credentials": {"token": "t"}});
            for (name, value) in more.as_object().expect("members") {
                record[name] = value.clone();
            }
            record
        };
        for (key, before, after, expected) in [
            ("a:crm", json!({}), json!({"url": "https://a.example/y?z"}), &[][..]),
            ("a:crm", json!({}), json!({"url": " HTTPS://A.example:443"}), &[]),
            ("a:crm", json!({}), json!({"url": "http://a.example/x"}), &["url"]),
            ("a:crm", json!({}), json!({"url": "https://a.example:8443/x"}), &["url"]),
            ("a:crm", json!({}), json!({"url": "https://a.example@b.example/x"}), &["url"]),
            ("a:crm", json!({}), json!({"url": "https://a.example.b.example/x"}), &["url"]),
            ("a:crm", json!({}), json!({"url": ""}), &["url"]),
            ("a:crm", json!({"url": ""}), json!({"url": " "}), &[]),
            ("a:crm", json!({}), json!({"key": "a:crm:old"}), &[]),
            ("a:crm", json!({}), json!({"key": "any:thing"}), &["key"]),
            ("any:a", json!({}), json!({"key": "any:b"}), &["key"]),
            ("no:handler", json!({}), json!({"key": "no:other"}), &["key"]),
            ("a:crm", json!({}), json!({"config": {"base": "https://b.example"}}), &["config.base"]),
            (
                "a:crm",
                json!({"config": {"base": "https://b.example/1"}}),
                json!({"config": {"base": "https://b.example/2"}}),
                &[],
            ),
            ("a:crm", json!({"config": {"base": ""}}), json!({"config": {"base": null}}), &[]),
            ("a:crm", json!({}), json!({"config": {"send": true}}), &["config.send"]),
            ("a:crm", json!({}), json!({"config": {"send": false}}), &[]),
            ("a:crm", json!({}), json!({"config": {"picture_url": "https://b.example"}}), &[]),
            ("a:crm", json!({}), json!({"config": {"properties": {"page": "https://b.example"}}}), &[]),
            ("a:crm", json!({}), json!({"credentials": {"token": "t", "host": "b.example"}}), &["credentials.host"]),
            ("a:crm", json!({}), json!({"credentials": {"token": "t", "user": "u"}}), &[]),
            (
                "a:crm",
                json!({}),
                json!({"credentials": {"token": "t", USE_DEFAULT: true}}),
                &["credentials.use_default"],
            ),
            ("a:crm", json!({}), json!({"credentials": {"token": "t", USE_DEFAULT: false}}), &[]),
            (
                "a:crm",
                json!({}),
                json!({"config": {"more": {"list": ["https://b.example/"]}}}),
                &["config.more.list.0"],
            ),
            ("a:crm", json!({}), json!({"config": {"more": {"crm_host": "b"}}}), &["config.more.crm_host"]),
            ("a:crm", json!({}), json!({"config": {"more": {"folder": "b.example"}}}), &[]),
            (
                "no:handler",
                json!({}),
                json!({"credentials": {"token": "t", "base_url": "b"}}),
                &["credentials.base_url"],
            ),
        ] {
            let found = redirects(record(key, before.clone()), record(key, after.clone()));
            assert_eq!(found, expected, "{key}: {before} to {after}");
        }
    }

    #[test]
    fn a_secret_stays_where_a_mask_stands_for_it_or_nothing_is_sent() {
        let stored = json!({"token": "t", "user": "u", "host": "h", "list": [null, {"pin": 1}], USE_DEFAULT: false});
        for (sent, expected) in [
            (None, true),
            (Some(json!({"token": MASK})), true),
            (Some(json!({"token": "new", "user": MASK, "host": MASK})), false),
            (Some(json!({"token": "new"})), false),
            (Some(json!({"list": [MASK]})), false),
            (Some(json!({"list": [null, {"pin": MASK}]})), true),
            (Some(json!({"list": [null, MASK]})), true),
            (Some(json!(MASK)), true),
            (Some(json!({})), false),
            (Some(Value::Null), false),
        ] {
            assert_eq!(registry().keeps_secret("a:crm", &stored, sent.as_ref()), expected, "{sent:?}");
        }
        let no_secret = json!({"token": null, "user": "u", USE_DEFAULT: true});
        assert!(!registry().keeps_secret("a:crm", &no_secret, None));
        assert!(registry().keeps_secret("no:handler", &no_secret, None), "nobody says that the user is no secret");
        assert!(registry().keeps_secret("a:crm", &json!("whole"), None));
    }
}
