//! What an extension record has set up for its handler, and what stands in the way of executing it: the same for the
//! worker who executes it, for whoever asks beforehand, and for those who write it.

use std::sync::Arc;

use serde_json::Value;

use crate::content::EXTENSION;
use crate::db::documents::seal_place;
use crate::db::runs::Record;
use crate::handler::{Entry, Obstacle, ObstacleKind};
use crate::state::AppState;

/// What a record has for its handler.
pub struct Setup {
    /// The handler.
    pub entry: Arc<Entry>,
    /// The credentials, opened.
    pub credentials: Value,
    /// The config, with the runner's policy in it.
    pub config: Value,
}

/// What the record with this id has set up. Whatever is wrong must be mended by a person; the log may know more.
pub fn set_up(state: &AppState, id: i64, record: &Record) -> Result<Setup, Obstacle> {
    let entry = state
        .handlers
        .find(&record.key)
        .ok_or_else(|| Obstacle::new(ObstacleKind::UnknownKey, "key", "", state.handlers.unknown(&record.key)))?;
    let credentials = open(state, id, record)?;
    let config = parse(ObstacleKind::BadConfig, "config", record.config.as_deref())?;
    Ok(Setup { entry: Arc::clone(entry), credentials, config })
}

/// Whether the record with this id can be executed as it is, or what keeps it from that.
pub fn check_setup(state: &AppState, id: i64, record: &Record) -> Result<(), Obstacle> {
    let Setup { entry, credentials, config } = set_up(state, id, record)?;
    entry.check(config, credentials, record.url.as_deref())
}

fn open(state: &AppState, id: i64, record: &Record) -> Result<Value, Obstacle> {
    let Some(sealed) = &record.credentials else { return Ok(Value::Null) };
    let opened = state.sealer.open(sealed, &seal_place(&EXTENSION, id)).map_err(|error| {
        log::error!("credentials of extension record {id} cannot be opened: {error}");
        Obstacle::new(ObstacleKind::BadCredentials, "credentials", "", "they cannot be opened with the key at hand")
    })?;
    parse(ObstacleKind::BadCredentials, "credentials", Some(&opened))
}

fn parse(kind: ObstacleKind, member: &str, text: Option<&str>) -> Result<Value, Obstacle> {
    let read = text.map_or(Ok(Value::Null), serde_json::from_str);
    read.map_err(|_| Obstacle::new(kind, member, "", "it cannot be read as JSON"))
}
