//! Connections: how one is opened.

use std::path::Path;
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::r2d2::{ManageConnection, Pool};
use diesel::sqlite::SqliteConnection;

use super::conn::{Backend, Conn};
use super::deadline::Deadline;
use super::url::{DatabaseUrl, Kind};
use crate::content::Catalog;
use crate::decimal;
use crate::error::Error;
use crate::fold::fold;

/// `busy_timeout` comes first: the statements after it may have to wait. FULL, because what has been answered must
/// survive a power cut; the writer's group commits are what makes it fast.
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
    PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 1073741824; PRAGMA cache_size = -16000;";

/// Pages are in memory or on flash, where an index costs little more than reading on: with PostgreSQL's default it reads
/// a table of 20,000 links from end to end for the stores of a hundred products.
const POSTGRES_SETTINGS: &str = "SET random_page_cost = 1.1";

/// How long a read waits for a connection, or for its turn among the searches.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

#[diesel::declare_sql_function]
extern "SQL" {
    /// Folds case as `fold` does; SQLite's own `lower` knows ASCII only.
    fn fold_case(
        text: diesel::sql_types::Nullable<diesel::sql_types::Text>,
    ) -> diesel::sql_types::Nullable<diesel::sql_types::Text>;
    /// Whether the statement may go on; see [`Deadline`]. It is asked for each row because it is given one of its columns.
    fn in_time(row: diesel::sql_types::BigInt) -> diesel::sql_types::Bool;
}

/// Opens a connection that may write, to a database that exists.
pub(super) fn connect(url: &DatabaseUrl, catalog: &'static Catalog) -> Result<Conn, String> {
    let deadline = Deadline::new();
    let backend = match url {
        DatabaseUrl::Sqlite(path) => {
            let mut conn = connect_sqlite(path, false).map_err(|error| failure(url, &error))?;
            let asked = deadline.clone();
            in_time_utils::register_nondeterministic_impl(&mut conn, move |_: i64| asked.is_ahead())
                .map_err(|error| failure(url, &error.to_string()))?;
            Backend::Sqlite(conn)
        }
        DatabaseUrl::Postgres(text) => {
            Backend::Postgres(connect_postgres(text).map_err(|error| failure(url, &error.to_string()))?)
        }
    };
    Ok(Conn::new(backend, catalog, deadline))
}

/// Opens a connection that only reads: SQLite refuses to write on it.
pub(super) fn connect_reader(url: &DatabaseUrl, catalog: &'static Catalog) -> Result<Conn, String> {
    let mut conn = connect(url, catalog)?;
    if let Backend::Sqlite(sqlite) = &mut conn.backend {
        sqlite.batch_execute("PRAGMA query_only = ON").map_err(|error| failure(url, &error.to_string()))?;
    }
    Ok(conn)
}

/// Makes the folder that the file `path` is to lie in.
pub(super) fn make_folder(path: &Path) -> Result<(), String> {
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) => std::fs::create_dir_all(folder)
            .map_err(|error| format!("cannot make the folder {}: {error}", folder.display())),
        None => Ok(()),
    }
}

/// Opens the file at `path`; a missing one is an error unless it may be created.
pub(super) fn connect_sqlite(path: &Path, create: bool) -> Result<SqliteConnection, String> {
    let text = path.to_str().ok_or("the path is not UTF-8")?;
    // Left to itself SQLite creates a missing file, so that a wrong path would look like an empty shop.
    let escaped = text.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let uri = format!("file:{escaped}?mode={}", if create { "rwc" } else { "rw" });
    let open = || -> Result<SqliteConnection, Box<dyn std::error::Error>> {
        let mut conn = SqliteConnection::establish(&uri)?;
        conn.batch_execute(SQLITE_SETTINGS)?;
        // diesel hands over the right value first.
        conn.register_collation("DECIMAL", |right: &str, left: &str| decimal::compare(left, right))?;
        fold_case_utils::register_impl(&mut conn, |text: Option<String>| text.map(|text| fold(&text)))?;
        Ok(conn)
    };
    open().map_err(|error| error.to_string())
}

pub(super) fn connect_postgres(url: &str) -> Result<PgConnection, Box<dyn std::error::Error>> {
    let mut conn = PgConnection::establish(url)?;
    conn.batch_execute(POSTGRES_SETTINGS)?;
    Ok(conn)
}

pub(super) fn failure(url: &DatabaseUrl, error: &str) -> String {
    format!("cannot open the database {url}: {}", error.trim())
}

/// Makes connections for the pool of readers.
pub(super) struct Manager(DatabaseUrl, &'static Catalog);

impl ManageConnection for Manager {
    type Connection = Conn;
    type Error = Error;

    fn connect(&self) -> Result<Conn, Error> {
        // On PostgreSQL the pool serves writes too.
        let conn = match self.0.kind() {
            Kind::Sqlite => connect_reader(&self.0, self.1),
            Kind::Postgres => connect(&self.0, self.1),
        };
        conn.map_err(Error::internal)
    }

    fn is_valid(&self, conn: &mut Conn) -> Result<(), Error> {
        Ok(super::on_backend!(conn, conn => conn.batch_execute("SELECT 1"))?)
    }

    fn has_broken(&self, conn: &mut Conn) -> bool {
        conn.is_broken()
    }
}

pub(super) fn pool(url: &DatabaseUrl, catalog: &'static Catalog, size: u32) -> Result<Pool<Manager>, String> {
    drop(connect(url, catalog)?); // A clear error now, where the pool would only try again and again.
    Pool::builder()
        .max_size(size)
        .min_idle(Some(1))
        .test_on_check_out(false)
        .connection_timeout(PATIENCE)
        .build(Manager(url.clone(), catalog))
        .map_err(|error| format!("cannot open the database {url}: {error}"))
}
