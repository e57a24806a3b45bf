//! One server for each SQLite file: two would each answer from what the other does not know of.

use std::fs::{File, TryLockError};
use std::io::ErrorKind;

use super::{DatabaseUrl, open};

/// The right to serve a database. On SQLite no other process has it while this lives, or until this one ends, however
/// it ends; on PostgreSQL any number have it.
///
/// The lock is on the database file itself and so on its inode: a symbolic link, a hard link or another spelling of the
/// path leads to the same lock. It is a `flock`, which SQLite's own locks (`fcntl`) do not see. It must outlive every
/// connection to the file: to close any descriptor of a file releases all `fcntl` locks that the process has on it.
#[derive(Debug)]
pub struct ServerLock {
    _file: Option<File>,
}

impl ServerLock {
    /// Takes the right to serve a database that exists; `None` when the file is not there yet.
    ///
    /// Fails, with a text for the person who starts the program, when another server has it.
    pub fn take_existing(url: &DatabaseUrl) -> Result<Option<Self>, String> {
        Self::open(url, false)
    }

    /// The same, in a file that is created when it is not there.
    ///
    /// Fails as [`Self::take_existing`] does.
    pub fn take(url: &DatabaseUrl) -> Result<Self, String> {
        Self::open(url, true)?.ok_or_else(|| format!("the database {url} was removed while the server started"))
    }

    fn open(url: &DatabaseUrl, create: bool) -> Result<Option<Self>, String> {
        let DatabaseUrl::Sqlite(path) = url else { return Ok(Some(Self { _file: None })) };
        if create {
            open::make_folder(path)?;
        }

        let file = File::options().read(true).write(true).create(create).truncate(false).open(path);
        let file = match file {
            Err(error) if error.kind() == ErrorKind::NotFound && !create => return Ok(None),
            opened => opened.map_err(|error| format!("cannot open the database {url}: {error}"))?,
        };

        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: Some(file) })),
            Err(TryLockError::WouldBlock) => Err(format!("another server is running on the database {url}")),
            Err(TryLockError::Error(error)) => Err(format!("cannot lock the database {url}: {error}")),
        }
    }
}
