//! One server for each SQLite file: two would each answer from what the other does not know of.

use std::fs::{File, TryLockError};

use super::{DatabaseUrl, open};

/// The right to serve a database. On SQLite no other process has it while this lives, or until this one ends, however
/// it ends; on PostgreSQL any number have it.
#[derive(Debug)]
pub struct ServerLock {
    _file: Option<File>,
}

impl ServerLock {
    /// Takes the right to serve, in a file beside the database.
    ///
    /// Fails, with a text for the person who starts the program, when another server has it.
    pub fn take(url: &DatabaseUrl) -> Result<Self, String> {
        let DatabaseUrl::Sqlite(path) = url else { return Ok(Self { _file: None }) };
        open::make_folder(path)?;
        let mut name = path.clone().into_os_string();
        name.push(".lock");
        let shown = name.display().to_string();
        let file = File::options().write(true).create(true).truncate(false).open(&name);
        let file = file.map_err(|error| format!("cannot open {shown}: {error}"))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { _file: Some(file) }),
            Err(TryLockError::WouldBlock) => {
                Err(format!("another server is running on the database {url} (it holds {shown})"))
            }
            Err(TryLockError::Error(error)) => Err(format!("cannot lock {shown}: {error}")),
        }
    }
}
