//! A handler whose types are no longer told apart: the one check of what a record has for it, and the attempt that is made
//! of what passes.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::check::SetupCheck;
use super::constraints::Constraints;
use super::context::Parts;
use super::reading::{MISSING, read_all, unknown, without_value};
use super::{
    ConfigError, Description, Descriptor, ExtensionContext, Handler, Outcome, SetupError, SetupErrorKind, SetupErrors,
};
use crate::outbound::Client;

/// An attempt of a handler, ready to be awaited.
pub type Attempt = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// What a handler is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Its work: [`Handler::run`].
    Run,
    /// To prove that the credentials work: [`Handler::test`].
    Test,
}

/// What a record has set up for its handler.
#[derive(Debug, Clone, Copy)]
pub struct Offer<'a> {
    /// The config, with the runner's policy in it.
    pub config: &'a Value,
    /// The credentials, opened.
    pub credentials: &'a Value,
    /// The url that belongs to them.
    pub url: Option<&'a str>,
}

/// What every record of a handler is held to, beside the handler's types and its own check.
pub(super) struct Rules {
    name: &'static str,
    needs_url: bool,
    config: Member,
    credentials: Member,
}

/// A member of a record that a handler has a type for.
struct Member {
    name: &'static str,
    kind: SetupErrorKind,
    schema: Value,
    constraints: Constraints,
}

impl Rules {
    /// What in a config is longer than its handler uses: it is cut.
    pub(super) fn too_long(&self, config: &Value) -> Vec<ConfigError> {
        self.config.constraints.too_long(config)
    }
}

pub(super) trait AnyHandler: Send + Sync {
    fn check(&self, rules: &Rules, offer: Offer<'_>, client: &Client) -> Result<(), SetupErrors>;
    fn check_credentials(&self, rules: &Rules, credentials: &Value) -> Vec<ConfigError>;
    fn unknown_members(&self, config: &Value, credentials: &Value) -> [Vec<String>; 2];
    fn attempt(&self, rules: &Rules, parts: Parts, purpose: Purpose) -> Result<Attempt, SetupErrors>;
}

pub(super) struct Typed<H>(pub(super) Arc<H>);

impl<H: Handler> AnyHandler for Typed<H> {
    fn check(&self, rules: &Rules, offer: Offer<'_>, client: &Client) -> Result<(), SetupErrors> {
        checked(&*self.0, rules, offer, client).map(drop)
    }

    fn check_credentials(&self, rules: &Rules, credentials: &Value) -> Vec<ConfigError> {
        let refused = read_all::<H::Credentials>(credentials, &rules.credentials.schema).err().unwrap_or_default();
        let told = |ConfigError { path, message }| ConfigError {
            path,
            message: without_value(&message, credentials, &rules.credentials.schema),
        };
        refused.into_iter().map(told).collect()
    }

    fn unknown_members(&self, config: &Value, credentials: &Value) -> [Vec<String>; 2] {
        [unknown::<H::Config>(config), unknown::<H::Credentials>(credentials)]
    }

    fn attempt(&self, rules: &Rules, parts: Parts, purpose: Purpose) -> Result<Attempt, SetupErrors> {
        let Parts { key, event, credentials, config, url, meta, run, http, clock, host } = parts;
        let offer = Offer { config: &config, credentials: &credentials, url: url.as_deref() };
        let (config, credentials) = checked(&*self.0, rules, offer, http.client())?;
        let known = meta.clone();
        let context = ExtensionContext { key, event, credentials, config, url, meta, run, http, clock, host };
        let handler = Arc::clone(&self.0);
        Ok(match purpose {
            Purpose::Run => Box::pin(async move { handler.run(context).await.map(|done| done.kept(&known)) }),
            Purpose::Test => Box::pin(async move { handler.test(context).await.map(|done| done.kept(&known)) }),
        })
    }
}

/// The check: what a record has in the handler's own types, or all that keeps it from being executed. Saving a record,
/// explaining it, trying it and running it come here, so that none of them promises what another breaks.
fn checked<H: Handler>(
    handler: &H,
    rules: &Rules,
    offer: Offer<'_>,
    client: &Client,
) -> Result<(H::Config, H::Credentials), SetupErrors> {
    let mut check = SetupCheck::new(client, offer.url);
    if rules.needs_url && check.url().is_none() {
        check.missing_url(format!("{} needs a url, and the extension record has none", rules.name));
    }
    check.own_url();
    let config = rules.config.read(offer.config, &mut check);
    let credentials = rules.credentials.read(offer.credentials, &mut check);
    let (Some(config), Some(credentials)) = (config, credentials) else {
        return Err(SetupErrors::new(check.into_found()));
    };

    handler.check(&config, &credentials, &mut check);
    let found = check.into_found();
    if found.is_empty() { Ok((config, credentials)) } else { Err(SetupErrors::new(found)) }
}

impl Rules {
    pub(super) fn new(descriptor: &Descriptor, description: &Description) -> Self {
        let (config, credentials) = (&description.config_schema, &description.credentials_schema);
        Self {
            name: descriptor.name,
            needs_url: descriptor.needs_url,
            config: Member::new("config", SetupErrorKind::BadConfig, config),
            credentials: Member::new("credentials", SetupErrorKind::BadCredentials, credentials),
        }
    }
}

impl Member {
    fn new(name: &'static str, kind: SetupErrorKind, schema: &Value) -> Self {
        Self { name, kind, schema: schema.clone(), constraints: Constraints::of(schema) }
    }

    /// Reads the member in the handler's type. What that refuses, and what is outside of the schema's constraints, goes to
    /// `check`; it is none only with a refusal.
    fn read<T: DeserializeOwned>(&self, value: &Value, check: &mut SetupCheck<'_>) -> Option<T> {
        let external_ids = self.constraints.config_errors(value);
        let (read, mut found) = match read_all(value, &self.schema) {
            Ok(read) => (Some(read), Vec::new()),
            Err(refused) => (None, refused),
        };
        if self.kind == SetupErrorKind::BadCredentials {
            found.iter_mut().for_each(|config_error| {
                config_error.message = without_value(&config_error.message, value, &self.schema)
            });
        }
        let is_new = |one: &ConfigError| found.iter().all(|told| told.path != one.path);
        let external_ids: Vec<ConfigError> = external_ids.into_iter().filter(is_new).collect();
        found.extend(external_ids);
        check.extend(found.into_iter().map(|config_error| self.setup_error(config_error)));
        read
    }

    /// Something that does not fit. What is missing is missing in the object above it.
    fn setup_error(&self, ConfigError { path, message }: ConfigError) -> SetupError {
        let message = match message.starts_with(MISSING) {
            true => {
                let above = path.rsplit_once('.').map(|(above, _)| format!(".{above}")).unwrap_or_default();
                format!("{}{above}: {message}", self.name)
            }
            false => message,
        };
        SetupError::new(self.kind, self.name, &path, message)
    }
}
