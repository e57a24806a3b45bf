//! The key that seals credentials: from the environment or its file, made at the first start, and held against the
//! database, whose credentials another key could not open.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::clock::{Millis, Random};
use crate::config::Config;
use crate::db::{Db, seal_keys};
use crate::secrets::Sealer;

/// The sealer with this installation's key.
///
/// Fails, with a text for the person who starts the program, when the key cannot be read or made, or is not the one
/// that the database's credentials are sealed with.
pub async fn open(config: &Config, db: &Db, now: Millis, random: &dyn Random) -> Result<Sealer, String> {
    let known = db.read(seal_keys::find_all).await.map_err(|error| format!("cannot read the key ids: {error}"))?;
    let sealer = match config.secret_key {
        Some(key) => sealer(&key)?,
        None => from_file(&config.secret_key_file, &known, random)?,
    };
    let key_id = sealer.key_id().to_owned();
    let claim = db.write(move |conn| seal_keys::claim(conn, &key_id, now)).await;
    let known = claim.map_err(|error| format!("cannot enter the key id: {error}"))?;
    if known.iter().any(|known| known == sealer.key_id()) {
        return Ok(sealer);
    }
    Err(format!(
        "the credentials in this database are sealed with key {}, the key at hand is {}: set TENON_SECRET_KEY or \
         TENON_SECRET_KEY_FILE to the right one",
        known.join(", "),
        sealer.key_id()
    ))
}

fn from_file(path: &Path, known: &[String], random: &dyn Random) -> Result<Sealer, String> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let key = Sealer::parse_key(text.trim());
            sealer(
                &key.ok_or_else(|| {
                    format!("{}: expected 32 bytes as base64 or 64 hexadecimal digits", path.display())
                })?,
            )
        }
        Err(error) if error.kind() == ErrorKind::NotFound && known.is_empty() => make(path, random),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(format!(
            "the key file {} is missing, and the credentials in this database are sealed with key {}: put the file \
             back or set TENON_SECRET_KEY",
            path.display(),
            known.join(", ")
        )),
        Err(error) => Err(format!("cannot read the key file {}: {error}", path.display())),
    }
}

/// Writes a new key where nothing was, readable by its owner alone.
fn make(path: &Path, random: &dyn Random) -> Result<Sealer, String> {
    let failed = |error: std::io::Error| format!("cannot make the key file {}: {error}", path.display());
    let mut key = [0; 32];
    random.fill(&mut key);
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    writeln!(file, "{}", STANDARD.encode(key)).and_then(|()| file.sync_all()).map_err(failed)?;
    log::warn!(
        "a new key that seals credentials was made: {}. Keep a copy of it: without it the credentials in the database \
         cannot be read again",
        path.display()
    );
    sealer(&key)
}

fn sealer(key: &[u8; 32]) -> Result<Sealer, String> {
    Sealer::new(key).map_err(|error| error.to_string())
}
