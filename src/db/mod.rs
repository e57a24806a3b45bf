//! Everything that speaks SQL: connections, transactions, and a file for each table the program reasons about.
//! Knows nothing of HTTP.

pub mod attempts;
mod bind;
mod bulk;
mod cell;
mod conn;
mod deadline;
pub mod destinations;
mod dialect;
pub mod documents;
pub mod events;
pub mod extension_hours;
pub mod extensions;
pub mod external_locks;
mod type_versions;
pub mod holds;
pub mod hourly_uses;
pub mod idempotency;
pub mod inbound;
mod lock;
mod migrations;
mod notify;
mod open;
mod readiness;
pub mod records;
pub mod runs;
pub mod schedules;
mod schema;
pub mod seal_keys;
mod serial;
mod sql;
#[cfg(test)]
pub(crate) mod testing;
mod text;
mod tls;
pub mod tokens;
mod typed;
mod url;
mod writer;

pub use bind::{Bind, List};
pub use cell::Cell;
pub use conn::{Backend, Conn};
pub use lock::ServerLock;
pub use sql::{Row, Sql};
pub use text::SafeText;
pub use type_versions::VersionStamp;
pub use url::{DatabaseUrl, Kind};

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use diesel::r2d2::Pool;
use tokio::sync::Semaphore;
use tokio::time::timeout;

use crate::content::{Catalog, TypeSet};
use crate::error::{Error, Result};
use notify::Watch;
use type_versions::TypeVersions;

/// Runs the same expression on whichever connection is behind a [`Conn`]; the compiler checks it for both.
macro_rules! on_backend {
    ($conn:expr, $c:ident => $work:expr) => {
        match &mut $conn.backend {
            $crate::db::Backend::Sqlite($c) => $work,
            $crate::db::Backend::Postgres($c) => $work,
        }
    };
}
pub(crate) use on_backend;

/// How often a transaction is done again that another one was in the way of (PostgreSQL).
const RACES: u32 = 4;

/// The database: many readers, and one writer (SQLite) or several (PostgreSQL).
pub struct Db {
    url: DatabaseUrl,
    catalog: &'static Catalog,
    readers: Pool<open::Manager>,
    /// One for each search that may run at once.
    searches: Arc<Semaphore>,
    writers: Writers,
    type_versions: Arc<TypeVersions>,
}

enum Writers {
    /// One thread that commits in groups.
    Thread(writer::WriterThread),
    /// A transaction of its own for each, on connections that readers use too, or one for a group of those in line.
    Pool(Arc<Watch>, serial::SerialQueues),
}

/// How many of `readers` connections searches may have.
fn searches_of(readers: u32) -> usize {
    let kept = (readers / 4).max(1);
    readers.saturating_sub(kept).max(1) as usize
}

impl Db {
    /// Opens the database, which must have been migrated for this catalogue, with up to `readers` connections to read on.
    ///
    /// Fails with a text for the person who starts the program.
    pub fn open(url: &DatabaseUrl, catalog: &'static Catalog, readers: u32) -> Result<Self, String> {
        let pool = open::pool(url, catalog, readers)?;
        let type_versions = Arc::new(TypeVersions::new(catalog, url.kind() == Kind::Sqlite));
        let writers = match url.kind() {
            Kind::Sqlite => {
                Writers::Thread(writer::WriterThread::start(open::connect(url, catalog)?, Arc::clone(&type_versions))?)
            }
            Kind::Postgres => Writers::Pool(Watch::new(Arc::clone(&type_versions)), serial::SerialQueues::default()),
        };
        let searches = Arc::new(Semaphore::new(searches_of(readers)));
        Ok(Self { url: url.clone(), catalog, readers: pool, searches, writers, type_versions })
    }

    /// Brings the tables up to this program's version, in a SQLite file that is created if it does not exist; returns the
    /// names of the migrations that ran.
    ///
    /// Fails with a text for the person who starts the program.
    pub fn migrate(url: &DatabaseUrl, catalog: &Catalog) -> Result<Vec<String>, String> {
        migrations::migrate(url, catalog)
    }

    /// Opens a database that must exist and be of this program's version; nothing is created or migrated.
    ///
    /// Fails with a text for the person who starts the program.
    pub fn open_existing(url: &DatabaseUrl, catalog: &'static Catalog, readers: u32) -> Result<Self, String> {
        migrations::require_current(url, catalog)?;
        Self::open(url, catalog, readers)
    }

    /// The content types whose documents it has.
    pub fn catalog(&self) -> &'static Catalog {
        self.catalog
    }

    /// Moves what SQLite has in its write-ahead log into the database file, which alone is the whole database then and can
    /// be copied. On PostgreSQL there is nothing to do.
    ///
    /// Returns whether all of it was moved: not while another connection is reading.
    pub async fn checkpoint(&self) -> Result<bool> {
        if self.kind() == Kind::Postgres {
            return Ok(true);
        }
        let (url, catalog) = (self.url.clone(), self.catalog);
        off_thread(move || {
            let mut conn = open::connect(&url, catalog).map_err(Error::internal)?;
            let busy = conn.first(&Sql::new("PRAGMA wal_checkpoint(TRUNCATE)"), |row| row.int(0))?;
            Ok(busy == Some(0))
        })
        .await
    }

    /// Begins to hear of what other processes commit, as a server must that keeps answers; see [`Self::stamp`]. Must be
    /// called within a runtime.
    ///
    /// Fails, with a text for the person who starts the program, when the url asks for what a listener cannot do.
    pub fn listen(&self) -> Result<(), String> {
        match (&self.writers, &self.url) {
            (Writers::Pool(watch, _), DatabaseUrl::Postgres(url)) => {
                watch.listen(url).map_err(|problem| format!("cannot listen to the database {}: {problem}", self.url))
            }
            _ => Ok(()),
        }
    }

    /// Whether what other processes commit is heard of at the moment, where there can be any.
    pub fn listens(&self) -> bool {
        self.type_versions.is_complete()
    }

    /// Tells the runners of other processes that there is work for them, where there can be any.
    pub fn notify_of_work(&self) {
        if let Writers::Pool(watch, _) = &self.writers {
            watch.notify_of_work();
        }
    }

    /// Waits until another process tells of work for runners; for ever where there is none.
    pub async fn work(&self) {
        match &self.writers {
            Writers::Thread(_) => std::future::pending().await,
            Writers::Pool(watch, _) => watch.work().await,
        }
    }

    /// The moment before a read of documents of these types. `None` when nobody could tell later whether something was
    /// committed since: what other processes do is not heard of.
    pub fn stamp(&self, types: TypeSet) -> Option<VersionStamp> {
        self.type_versions.stamp(types)
    }

    /// Whether what was read after `stamp` was taken is still all there is.
    pub fn is_current(&self, stamp: &VersionStamp) -> bool {
        self.type_versions.is_current(stamp)
    }

    /// Which database this is.
    pub fn kind(&self) -> Kind {
        self.url.kind()
    }

    /// A connection of the caller's own, for reading: on SQLite a thread that owns one reads without leaving it.
    pub fn connect_reader(&self) -> Result<Conn, String> {
        open::connect_reader(&self.url, self.catalog)
    }

    /// Runs `work` on a connection that reads, off the caller's thread.
    pub async fn read<T, F>(&self, work: F) -> Result<T>
    where
        F: FnOnce(&mut Conn) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let pool = self.readers.clone();
        off_thread(move || work(&mut *pool.get().map_err(no_connection)?)).await
    }

    /// Runs `work`, which no index leads and which may take seconds, as [`Self::read`] does. All such searches together leave
    /// a quarter of the connections to the rest of the program.
    ///
    /// Fails with [`Error::Unavailable`] when the others that run have not ended in time.
    pub async fn search<T, F>(&self, work: F) -> Result<T>
    where
        F: FnOnce(&mut Conn) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let permit = timeout(open::PATIENCE, Arc::clone(&self.searches).acquire_owned()).await;
        let permit = permit.map_err(|_| Error::Unavailable("too many long searches run at the moment"))?;
        let permit = permit.map_err(|closed| Error::internal(closed.to_string()))?;
        self.read(move |conn| {
            // Searches go on after their caller has left.
            let _permit = permit;
            work(conn)
        })
        .await
    }

    /// Runs `work` in one transaction, off the caller's thread. Any `Err` rolls back; `Ok` comes after the commit. On
    /// PostgreSQL `work` is run again when another transaction was in its way.
    pub async fn write<T, F>(&self, mut work: F) -> Result<T>
    where
        F: FnMut(&mut Conn) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let watch = match &self.writers {
            Writers::Thread(writer) => return writer.write(work).await,
            Writers::Pool(watch, _) => watch,
        };
        let mut races = 0;
        loop {
            let place = serial::GroupWriter::new(&self.readers, watch, &self.type_versions);
            let (again, done) = off_thread(move || {
                let done = place.transact(&mut work);
                Ok((work, done))
            })
            .await?;
            work = again;
            match done {
                Err(Error::Raced(_)) if races < RACES => {
                    races += 1;
                    tokio::time::sleep(pause(races)).await;
                }
                Err(error) => return Err(error),
                Ok((done, notice)) => {
                    if let Some(notice) = notice {
                        notice.has_come().await;
                    }
                    return Ok(done);
                }
            }
        }
    }

    /// Runs `work` as [`Db::write`] does, together with other writes that stand in the same line: for what many callers
    /// change at once and would only wait for.
    pub async fn write_serially<T, F>(&self, queue: &str, work: F) -> Result<T>
    where
        F: FnOnce(&mut Conn) -> Result<T> + Send + 'static,
        T: Send + 'static,
    {
        let (watch, queues) = match &self.writers {
            Writers::Thread(writer) => return writer.write(work).await,
            Writers::Pool(watch, queues) => (watch, queues),
        };
        let (job, answer) = writer::job(work);
        if let Some(turn) = queues.enqueue(queue.to_owned(), job)? {
            let place = serial::GroupWriter::new(&self.readers, watch, &self.type_versions);
            // Apart from this caller, who may give up while others are in line.
            tokio::spawn(turn.take(place));
        }
        answer.await.map_err(|_| writer::not_written())?
    }
}

/// How long to wait before a transaction is done again that lost `races`: by chance, so that those that were in each other's
/// way do not meet again.
fn pause(races: u32) -> Duration {
    let chance = RandomState::new().build_hasher().finish();
    Duration::from_micros(chance % (u64::from(races) * 10_000))
}

async fn off_thread<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(|error| Error::Internal(error.into()))?
}

fn no_connection(error: diesel::r2d2::PoolError) -> Error {
    log::error!("no database connection: {error}");
    Error::Unavailable("the database is away")
}
