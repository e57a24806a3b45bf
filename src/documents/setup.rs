//! What an extension record has set up for its handler, and what stands in the way of executing it: the same for the
//! worker who executes it, for whoever asks beforehand, and for those who write it.

use std::sync::Arc;

use serde_json::Value;

use crate::content::{EXTENSION, Shape};
use crate::db::documents::seal_place;
use crate::db::runs::RecordSetup;
use crate::handler::{Account, Entry, Given, Masker, Offer, SetupError, SetupErrorKind, SetupErrors};
use crate::nesting;
use crate::secrets::USE_DEFAULT;
use crate::state::AppState;

/// What a record has for its handler.
pub struct Setup {
    /// The handler.
    pub entry: Arc<Entry>,
    /// The credentials, opened: the record's own, or the instance's where it asks for them.
    pub credentials: Value,
    /// The config, with the runner's policy in it.
    pub config: Value,
    /// The url that belongs to the credentials.
    pub url: Option<String>,
    /// What keeps the credentials out of all that is recorded and told.
    pub masker: Masker,
}

/// What the record with this id has set up. Whatever is wrong must be mended by a person; the log may know more.
pub fn set_up(state: &AppState, id: i64, record: &RecordSetup) -> Result<Setup, SetupErrors> {
    let unknown = || match record.key.as_str() {
        "" => "the extension record has no key".to_owned(),
        key => state.handlers.unknown(key),
    };
    let entry = state.handlers.find(&record.key);
    let entry = entry.ok_or_else(|| SetupError::new(SetupErrorKind::UnknownKey, "key", "", unknown()))?;
    let credentials = open(state, id, record.credentials.as_deref())?;
    let own_url = record.url.as_deref().map(|url| url.trim().to_owned());
    let config = parse(SetupErrorKind::BadConfig, "config", record.config.as_deref())?;
    let given = Given { key: &record.key, entry, config: &config, credentials, url: own_url.clone() };
    let Account { credentials, url } = state.config.defaults.resolve(given)?;
    let mut masker = Masker::of(&credentials, &entry.description().credentials_schema);
    if let Some(instances) = url.as_deref().filter(|url| Some(*url) != own_url.as_deref()) {
        masker.add_url(instances);
    }
    Ok(Setup { entry: Arc::clone(entry), credentials, config, url, masker })
}

/// Whether the record with this id can be executed as it is, or all that keeps it from that.
pub fn check_setup(state: &AppState, id: i64, record: &RecordSetup) -> Result<(), SetupErrors> {
    let Setup { entry, credentials, config, url, .. } = set_up(state, id, record)?;
    entry.check(Offer { config: &config, credentials: &credentials, url: url.as_deref() }, &state.outbound)
}

/// The members of a record that mean nothing to its handler, each with those that may have been meant: `["config", "chanel"]`.
pub fn unknown_members(state: &AppState, id: i64, record: &RecordSetup) -> Vec<(Vec<String>, Vec<String>)> {
    // What cannot be read is told by [`check_setup`].
    let Some(entry) = state.handlers.find(&record.key) else { return Vec::new() };
    let config = parse(SetupErrorKind::BadConfig, "config", record.config.as_deref()).unwrap_or_default();
    let mut credentials = open(state, id, record.credentials.as_deref()).unwrap_or_default();
    if let Some(members) = credentials.as_object_mut() {
        members.shift_remove(USE_DEFAULT);
    }
    let found = ["config", "credentials"].into_iter().zip(entry.unknown_members(&config, &credentials));
    let below = |member: &str, path: String| vec![member.to_owned(), path];
    found.flat_map(|(member, found)| found.into_iter().map(move |(path, near)| (below(member, path), near))).collect()
}

/// The credentials that verify what is sent to the record with this id and key: its own, or the instance's.
pub fn verifying_credentials(
    state: &AppState,
    entry: &Entry,
    (id, key): (i64, &str),
    sealed: Option<&str>,
) -> Result<Value, SetupError> {
    let credentials = open(state, id, sealed)?;
    // Nothing is sent with them, so it does not matter where the record's url and config lead.
    Ok(state.config.defaults.resolve(Given { key, entry, config: &Value::Null, credentials, url: None })?.credentials)
}

fn open(state: &AppState, id: i64, sealed: Option<&str>) -> Result<Value, SetupError> {
    let Some(sealed) = sealed else { return Ok(Value::Null) };
    let opened =
        state.sealer.open(sealed, &seal_place(Shape::Component(&EXTENSION), id, "credentials")).map_err(|error| {
            log::error!("credentials of extension record {id} cannot be opened: {error}");
            SetupError::new(
                SetupErrorKind::BadCredentials,
                "credentials",
                "",
                "they cannot be opened with the key at hand",
            )
        })?;
    parse(SetupErrorKind::BadCredentials, "credentials", Some(&opened)).map(trimmed)
}

/// Credentials without the spaces and line breaks that were pasted around them: no service has such, and a signature made
/// with them fits nowhere.
fn trimmed(credentials: Value) -> Value {
    match credentials {
        // A blank one is a mistake, which must be told of and not taken for none.
        Value::String(text) if !text.trim().is_empty() => Value::String(text.trim().to_owned()),
        Value::Array(items) => items.into_iter().map(trimmed).collect(),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, trimmed(value))).collect(),
        other => other,
    }
}

fn parse(kind: SetupErrorKind, member: &str, text: Option<&str>) -> Result<Value, SetupError> {
    let read = text.map_or(Ok(Value::Null), nesting::read);
    read.map_err(|_| SetupError::new(kind, member, "", "it cannot be read as JSON"))
}
