//! What a handler is given.

use std::sync::Arc;

use serde_json::Value;

use super::{Event, Failure, Host, Http, Json};
use crate::clock::Clock;

/// Everything that one attempt may use.
pub struct ExtensionContext<Config, Credentials> {
    /// The record's key: one of the handler's, or any of the namespace that it has.
    pub key: String,
    /// What happened.
    pub event: Arc<Event>,
    /// The record's credentials, opened.
    pub credentials: Credentials,
    /// The record's config.
    pub config: Config,
    /// The record's url, as it stands there; [`ExtensionContext::url`] asks for it.
    pub url: Option<String>,
    /// What earlier runs of this record left in `meta`.
    pub meta: Json,
    /// Which run and attempt this is.
    pub run: RunInfo,
    /// The way out: every exchange is recorded with the attempt, secrets masked.
    pub http: Http,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The instance: locks, and the shop's own products.
    pub host: Arc<dyn Host>,
}

/// Which run and attempt this is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunInfo {
    /// The run's id.
    pub id: String,
    /// Which attempt this is, from 1.
    pub attempt: u32,
    /// How many there can be.
    pub max_attempts: u32,
}

impl RunInfo {
    /// A key for services that do the same thing only once: the same on every attempt of the run.
    pub fn idempotency_key(&self) -> &str {
        &self.id
    }
}

impl<Config, Credentials> ExtensionContext<Config, Credentials> {
    /// The entity that the event is about, as the API shows it; null when it was gone already.
    pub fn entity(&self) -> &Value {
        self.event.data.value()
    }

    /// The trigger's name, in its long form.
    pub fn trigger(&self) -> &str {
        &self.event.trigger
    }

    /// The record's url; a record without one is discarded with a reason.
    pub fn url(&self) -> Result<&str, Failure> {
        let url = self.url.as_deref().filter(|url| !url.is_empty());
        url.ok_or_else(|| Failure::discard("the extension record has no url"))
    }
}

/// What the runner has at hand for an attempt, before the handler's own types are made of it.
pub struct Parts {
    /// The record's key: one of the handler's, or any of the namespace that it has.
    pub key: String,
    /// What happened.
    pub event: Arc<Event>,
    /// The record's credentials, opened.
    pub credentials: Value,
    /// The record's config, with the runner's policy in it.
    pub config: Value,
    /// The record's url.
    pub url: Option<String>,
    /// The record's `meta`.
    pub meta: Json,
    /// Which run and attempt this is.
    pub run: RunInfo,
    /// The way out.
    pub http: Http,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The instance: locks, and the shop's own products.
    pub host: Arc<dyn Host>,
}
