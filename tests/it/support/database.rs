//! Databases for tests: fresh, migrated, and gone afterwards. The unit tests of the library use this file too.
//!
//! A migrated database is made once for each process and copied for each test, on SQLite and on PostgreSQL alike.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use diesel::connection::SimpleConnection as _;
use diesel::pg::PgConnection;
use diesel::prelude::*;
use tempfile::TempDir;
use tenon::content::Catalog;
use tenon::db::{DatabaseUrl, Db, Kind};

/// A database of the test's own, removed when this is dropped.
pub struct TestDatabase {
    /// As `DATABASE_URL` takes it.
    pub url: String,
    /// Where a SQLite file lies; removed with all that is in it.
    folder: Option<TempDir>,
}

impl TestDatabase {
    /// A migrated database without content.
    pub fn fresh(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => {
                let database = Self::empty(kind);
                std::fs::write(database.url.trim_start_matches("sqlite:"), sqlite_template()).expect("a copy");
                database
            }
            Kind::Postgres => Self::create_postgres(&format!("TEMPLATE {}", postgres_template())),
        }
    }

    /// A database without tables.
    pub fn empty(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => {
                let folder = tempfile::tempdir().expect("a temporary folder");
                Self { url: format!("sqlite:{}", folder.path().join("tenon.db").display()), folder: Some(folder) }
            }
            Kind::Postgres => Self::create_postgres("TEMPLATE template0"),
        }
    }

    /// Its url, parsed.
    pub fn parsed(&self) -> DatabaseUrl {
        DatabaseUrl::parse(&self.url).expect("a database url")
    }

    fn create_postgres(how: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("tenon_test_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let drop_old = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
        for statement in [drop_old, format!("CREATE DATABASE {name} {how}")] {
            admin().batch_execute(&statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
        }
        Self { url: url_of(&name), folder: None }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if self.folder.is_none() {
            let name = self.url.rsplit('/').next().and_then(|rest| rest.split('?').next()).unwrap_or_default();
            // One that is left behind harms no other test.
            let _ = admin().batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

/// The content types of the tests.
pub fn catalog() -> &'static Catalog {
    static BUILT: OnceLock<&'static Catalog> = OnceLock::new();
    BUILT.get_or_init(|| Catalog::build(&[]).unwrap_or_else(|faults| panic!("{faults}")))
}

/// The bytes of a migrated SQLite file.
fn sqlite_template() -> &'static [u8] {
    static BYTES: OnceLock<Vec<u8>> = OnceLock::new();
    BYTES.get_or_init(|| {
        let database = TestDatabase::empty(Kind::Sqlite);
        Db::migrate(&database.parsed(), catalog()).expect("the migrations run");
        std::fs::read(database.url.trim_start_matches("sqlite:")).expect("the file is there")
    })
}

/// The name of a migrated database on the server, made by whichever process comes first and kept for the next: the
/// name tells the migrations that it has.
fn postgres_template() -> &'static str {
    static NAME: OnceLock<String> = OnceLock::new();
    NAME.get_or_init(|| {
        let name = format!("tenon_test_template_{:016x}", migrations_hash());
        let mut admin = admin();
        admin.batch_execute("SELECT pg_advisory_lock(7310861541)").expect("a lock");
        let known = diesel::dsl::sql::<diesel::sql_types::Bool>(&format!(
            "SELECT EXISTS (SELECT FROM pg_database WHERE datname = '{name}')"
        ));
        if !known.get_result::<bool>(&mut admin).expect("the list of databases") {
            admin.batch_execute(&format!("DROP DATABASE IF EXISTS {name}_new WITH (FORCE)")).expect("no old one");
            admin.batch_execute(&format!("CREATE DATABASE {name}_new TEMPLATE template0")).expect("a new one");
            let url = DatabaseUrl::parse(&url_of(&format!("{name}_new"))).expect("a database url");
            Db::migrate(&url, catalog()).expect("the migrations run");
            admin.batch_execute(&format!("ALTER DATABASE {name}_new RENAME TO {name}")).expect("its name");
        }
        name
    })
}

fn migrations_hash() -> u64 {
    let mut hasher = DefaultHasher::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations/postgres");
    let mut changes: Vec<_> = std::fs::read_dir(folder).expect("migrations").flatten().map(|at| at.path()).collect();
    changes.sort();
    for change in changes {
        std::fs::read(change.join("up.sql")).expect("up.sql").hash(&mut hasher);
        change.file_name().hash(&mut hasher);
    }
    hasher.finish()
}

fn admin() -> PgConnection {
    PgConnection::establish(&server()).unwrap_or_else(|error| panic!("TEST_DATABASE_URL: {error}"))
}

#[allow(clippy::disallowed_methods)] // Where the server is concerns the tests alone.
fn server() -> String {
    std::env::var("TEST_DATABASE_URL").expect("TEST_DATABASE_URL names a PostgreSQL server; tests/run starts one")
}

/// The server's url with another database.
fn url_of(database: &str) -> String {
    let mut url = url::Url::parse(&server()).expect("TEST_DATABASE_URL is a url");
    url.set_path(database);
    url.into()
}
