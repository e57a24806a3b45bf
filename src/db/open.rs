//! Connections: how one is opened, and the migrations.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use diesel::connection::SimpleConnection as _;
use diesel::migration::MigrationSource;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use diesel::r2d2::{ManageConnection, Pool};
use diesel::sqlite::SqliteConnection;
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

use super::Sql;
use super::conn::{Backend, Conn};
use super::url::{DatabaseUrl, Kind};
use crate::decimal;
use crate::error::Error;
use crate::fold::fold;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Held while migrations run, so that processes that start together take turns. The number is this program's own.
const MIGRATION_LOCK: &str = "SELECT pg_advisory_lock(7310861540)";
const MIGRATION_UNLOCK: &str = "SELECT pg_advisory_unlock(7310861540)";

/// `busy_timeout` comes first: the statements after it may have to wait. FULL, because what has been answered must
/// survive a power cut; the writer's group commits are what makes it fast.
const SQLITE_SETTINGS: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
    PRAGMA foreign_keys = ON; PRAGMA temp_store = MEMORY; PRAGMA mmap_size = 1073741824; PRAGMA cache_size = -16000;";

/// Pages are in memory or on flash, where an index costs little more than reading on: with PostgreSQL's default it reads
/// a table of 20,000 links from end to end for the stores of a hundred products.
const POSTGRES_SETTINGS: &str = "SET random_page_cost = 1.1";

#[diesel::declare_sql_function]
extern "SQL" {
    /// Folds case as `fold` does; SQLite's own `lower` knows ASCII only.
    fn fold_case(
        text: diesel::sql_types::Nullable<diesel::sql_types::Text>,
    ) -> diesel::sql_types::Nullable<diesel::sql_types::Text>;
}

/// Opens a connection that may write, to a database that exists.
pub(super) fn connect(url: &DatabaseUrl) -> Result<Conn, String> {
    let backend = match url {
        DatabaseUrl::Sqlite(path) => {
            Backend::Sqlite(connect_sqlite(path, false).map_err(|error| failure(url, &error))?)
        }
        DatabaseUrl::Postgres(text) => {
            Backend::Postgres(connect_postgres(text).map_err(|error| failure(url, &error.to_string()))?)
        }
    };
    Ok(Conn::new(backend))
}

/// Opens a connection that only reads: SQLite refuses to write on it.
pub(super) fn connect_reader(url: &DatabaseUrl) -> Result<Conn, String> {
    let mut conn = connect(url)?;
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
fn connect_sqlite(path: &Path, create: bool) -> Result<SqliteConnection, String> {
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

fn connect_postgres(url: &str) -> Result<PgConnection, Box<dyn std::error::Error>> {
    let mut conn = PgConnection::establish(url)?;
    conn.batch_execute(POSTGRES_SETTINGS)?;
    Ok(conn)
}

fn failure(url: &DatabaseUrl, error: &str) -> String {
    format!("cannot open the database {url}: {}", error.trim())
}

/// Makes connections for the pool of readers.
pub(super) struct Manager(DatabaseUrl);

impl ManageConnection for Manager {
    type Connection = Conn;
    type Error = Error;

    fn connect(&self) -> Result<Conn, Error> {
        // On PostgreSQL the pool serves writes too.
        let conn = match self.0.kind() {
            Kind::Sqlite => connect_reader(&self.0),
            Kind::Postgres => connect(&self.0),
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

pub(super) fn pool(url: &DatabaseUrl, size: u32) -> Result<Pool<Manager>, String> {
    drop(connect(url)?); // A clear error now, where the pool would only try again and again.
    Pool::builder()
        .max_size(size)
        .min_idle(Some(1))
        .test_on_check_out(false)
        .connection_timeout(Duration::from_secs(5))
        .build(Manager(url.clone()))
        .map_err(|error| format!("cannot open the database {url}: {error}"))
}

/// Runs the migrations that are missing, and returns their names. A SQLite file that does not exist is created.
pub(super) fn migrate(url: &DatabaseUrl) -> Result<Vec<String>, String> {
    let failed = |error: &dyn std::fmt::Display| format!("cannot migrate the database {url}: {error}");
    let ran = match url {
        DatabaseUrl::Sqlite(path) => {
            make_folder(path)?;
            let mut conn = connect_sqlite(path, true).map_err(|error| failure(url, &error))?;
            run(&mut conn, SQLITE)
        }
        DatabaseUrl::Postgres(text) => {
            let mut conn = connect_postgres(text).map_err(|error| failure(url, &error.to_string()))?;
            conn.batch_execute(MIGRATION_LOCK).map_err(|error| failed(&error))?;
            let ran = run(&mut conn, POSTGRES);
            conn.batch_execute(MIGRATION_UNLOCK).map_err(|error| failed(&error))?;
            ran
        }
    };
    ran.map_err(|error| failed(&error))
}

fn run<DB: diesel::backend::Backend>(
    conn: &mut impl diesel_migrations::MigrationHarness<DB>,
    migrations: EmbeddedMigrations,
) -> diesel::migration::Result<Vec<String>>
where
    EmbeddedMigrations: diesel::migration::MigrationSource<DB>,
{
    Ok(conn.run_pending_migrations(migrations)?.iter().map(ToString::to_string).collect())
}

/// Fails unless the database exists and has exactly the tables of this program.
pub(super) fn require_current(url: &DatabaseUrl) -> Result<(), String> {
    const MAKES_ONE: &str = "`tenon serve` and `tenon migrate` make one; DATABASE_URL names another";
    if let DatabaseUrl::Sqlite(path) = url
        && !path.exists()
    {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        return Err(format!("there is no database at {}: {MAKES_ONE}", path.display()));
    }

    let mut conn = connect(url)?;
    let known = embedded_versions(&conn).map_err(|error| format!("cannot read the migrations: {error}"))?;
    let ran: BTreeSet<String> = conn
        .list(&Sql::new("SELECT version FROM __diesel_schema_migrations"), |row| row.text(0))
        .map_err(|_| format!("the database {url} is not one of this program: {MAKES_ONE}"))?
        .into_iter()
        .collect();

    match (known.difference(&ran).count(), ran.difference(&known).count()) {
        (0, 0) => Ok(()),
        (0, _) => Err(format!("the database {url} was made by a newer version of this program")),
        (missing, _) => Err(format!("the database {url} lacks {missing} migrations: run `tenon migrate` first")),
    }
}

/// The versions of the migrations that this program has for the database behind `conn`.
fn embedded_versions(conn: &Conn) -> diesel::migration::Result<BTreeSet<String>> {
    fn versions<DB: diesel::backend::Backend>(source: EmbeddedMigrations) -> diesel::migration::Result<BTreeSet<String>>
    where
        EmbeddedMigrations: MigrationSource<DB>,
    {
        let all = MigrationSource::<DB>::migrations(&source)?;
        Ok(all.iter().map(|migration| migration.name().version().to_string()).collect())
    }
    match conn.backend {
        Backend::Sqlite(_) => versions::<diesel::sqlite::Sqlite>(SQLITE),
        Backend::Postgres(_) => versions::<diesel::pg::Pg>(POSTGRES),
    }
}
