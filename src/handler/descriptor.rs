//! What a handler says about itself.

use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::Ordering;

/// Facts about a handler, written by its author. What is not named keeps its default.
#[derive(Debug, Clone)]
pub struct Descriptor {
    /// `namespace:class[:method]`, or `namespace:*` for every key of a namespace that no other handler has.
    pub key: &'static str,
    /// Other keys that reach it.
    pub aliases: &'static [&'static str],
    /// What people call it.
    pub name: &'static str,
    /// What it does, in a line.
    pub description: &'static str,
    /// Which shelf of the directory it stands on.
    pub category: &'static str,
    /// Its icon: an SVG of its own, 24 by 24.
    pub icon: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Who wrote it.
    pub author: &'static str,
    /// The trigger patterns that a new record begins with.
    pub default_triggers: &'static [&'static str],
    /// Whether a record must have a `url`.
    pub needs_url: bool,
    /// Attempts an hour of UTC that all its records of one store may have together. Of one store, since each has an
    /// account of its own with the service, and one shop must not use up what another needs. None for handlers whose
    /// receiver is the user's own: what is too much for it, it says itself with a 429.
    pub rate_limit_per_hour: Option<u32>,
    /// What an attempt may take, from connecting to the end of the answer.
    pub timeout: Duration,
    /// Attempts before a run is dead.
    pub max_attempts: u32,
    /// Which runs of a record must wait for each other. In [`Ordering::Target`] those for the same document, which suits a
    /// handler that looks for something and makes it where it is not there. Of a store those are its changes alone: sales
    /// have nothing to do with each other.
    pub ordering: Ordering,
    /// Whether it can prove that credentials work without doing anything: [`Handler::test`](super::Handler::test).
    pub has_test: bool,
    /// Whether it gives up its thread wherever it waits. Those that do share the runner's threads; each attempt of any
    /// other has a thread of its own, so that one which blocks stalls nobody.
    pub never_blocks: bool,
}

impl Descriptor {
    /// The namespace that it has every key of, if it is not for single ones.
    pub fn namespace(&self) -> Option<&'static str> {
        self.key.strip_suffix(":*")
    }

    /// The keys of records that are its own as much as the one with the key `asked`: its key and its aliases, or that one
    /// alone where it has a whole namespace, in which each key is something of its own.
    pub fn keys_like<'a>(&self, asked: &'a str) -> Vec<&'a str> {
        match self.namespace() {
            Some(_) => vec![asked],
            None => std::iter::once(self.key).chain(self.aliases.iter().copied()).collect(),
        }
    }
}

impl Default for Descriptor {
    fn default() -> Self {
        Self {
            key: "",
            aliases: &[],
            name: "",
            description: "",
            category: "other",
            icon: PLUG,
            version: "1.0.0",
            author: "Tenon",
            default_triggers: &[],
            needs_url: false,
            rate_limit_per_hour: Some(1000),
            timeout: Duration::from_secs(15),
            max_attempts: 8,
            ordering: Ordering::None,
            has_test: false,
            never_blocks: false,
        }
    }
}

/// A plug, for handlers without an icon.
const PLUG: &str = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"><path d="M9 3v5M15 3v5M6 8h12v4a6 6 0 0 1-12 0zM12 18v3"/></svg>"#;

/// A handler as the directory shows it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Description {
    /// `namespace:class[:method]`, or `namespace:*` when it answers to every key of the namespace that no other handler has.
    #[schema(example = "custom:webhook")]
    pub key: &'static str,
    /// Other keys that reach it.
    pub aliases: &'static [&'static str],
    /// What people call it.
    pub name: &'static str,
    /// What it does, in a line.
    pub description: &'static str,
    /// Which shelf of the directory it stands on.
    pub category: &'static str,
    /// Its icon, an SVG.
    pub icon: &'static str,
    /// Its version.
    pub version: &'static str,
    /// Who wrote it.
    pub author: &'static str,
    /// The trigger patterns that a new record begins with.
    pub default_triggers: &'static [&'static str],
    /// Whether a record must have a `url`.
    pub needs_url: bool,
    /// Whether its records have an address that a service sends to.
    pub inbound: bool,
    /// Attempts an hour of UTC that all its records of one store may have together; null for no limit.
    pub rate_limit_per_hour: Option<u32>,
    /// Seconds that an attempt may take.
    pub timeout_s: u64,
    /// Attempts before a run is dead.
    pub max_attempts: u32,
    /// Whether it can prove that credentials work without doing anything.
    pub has_test: bool,
    /// JSON Schema of the record's `config`.
    #[schema(value_type = Object)]
    pub config_schema: Value,
    /// JSON Schema of the record's `credentials`; secrets have the format `password`.
    #[schema(value_type = Object)]
    pub credentials_schema: Value,
}

impl Description {
    pub(super) fn new(
        descriptor: &Descriptor,
        inbound: bool,
        (config_schema, credentials_schema): (Value, Value),
    ) -> Self {
        Self {
            key: descriptor.key,
            aliases: descriptor.aliases,
            name: descriptor.name,
            description: descriptor.description,
            category: descriptor.category,
            icon: descriptor.icon,
            version: descriptor.version,
            author: descriptor.author,
            default_triggers: descriptor.default_triggers,
            needs_url: descriptor.needs_url,
            inbound,
            rate_limit_per_hour: descriptor.rate_limit_per_hour,
            timeout_s: descriptor.timeout.as_secs(),
            max_attempts: descriptor.max_attempts,
            has_test: descriptor.has_test,
            config_schema,
            credentials_schema,
        }
    }
}
