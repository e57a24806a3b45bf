//! Migrations: Tenon's own, and those that bring the tables of content types which an embedding program adds.

use std::collections::BTreeSet;
use std::fmt::{self, Display};

use diesel::connection::{BoxableConnection, SimpleConnection as _};
use diesel::migration::{self, MigrationMetadata, MigrationName, MigrationSource, MigrationVersion};
use diesel_migrations::{EmbeddedMigrations, embed_migrations};

use super::Sql;
use super::conn::{Backend, Conn};
use super::open::{connect, connect_postgres, connect_sqlite, failure, make_folder};
use super::url::{DatabaseUrl, Kind};
use crate::content::{Catalog, Migration};

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// Held while migrations run, so that processes that start together take turns. The number is this program's own.
const MIGRATION_LOCK: &str = "SELECT pg_advisory_lock(7310861540)";
const MIGRATION_UNLOCK: &str = "SELECT pg_advisory_unlock(7310861540)";

/// Runs the migrations that are missing, and returns their names. A SQLite file that does not exist is created.
pub(super) fn migrate(url: &DatabaseUrl, catalog: &Catalog) -> Result<Vec<String>, String> {
    let failed = |error: &dyn std::fmt::Display| format!("cannot migrate the database {url}: {error}");
    let ran = match url {
        DatabaseUrl::Sqlite(path) => {
            make_folder(path)?;
            let mut conn = connect_sqlite(path, true).map_err(|error| failure(url, &error))?;
            run(&mut conn, &All::of(catalog, Kind::Sqlite))
        }
        DatabaseUrl::Postgres(text) => {
            let mut conn = connect_postgres(text).map_err(|error| failure(url, &error.to_string()))?;
            conn.batch_execute(MIGRATION_LOCK).map_err(|error| failed(&error))?;
            let ran = run(&mut conn, &All::of(catalog, Kind::Postgres));
            conn.batch_execute(MIGRATION_UNLOCK).map_err(|error| failed(&error))?;
            ran
        }
    };
    ran.map_err(|error| failed(&error))
}

fn run<DB: diesel::backend::Backend>(
    conn: &mut impl diesel_migrations::MigrationHarness<DB>,
    migrations: &All,
) -> diesel::migration::Result<Vec<String>> {
    Ok(conn.run_pending_migrations(migrations)?.iter().map(ToString::to_string).collect())
}

/// Fails unless the database exists and has exactly the tables of this program.
pub(super) fn require_current(url: &DatabaseUrl, catalog: &'static Catalog) -> Result<(), String> {
    const MAKES_ONE: &str = "`tenon serve` and `tenon migrate` make one; DATABASE_URL names another";
    if let DatabaseUrl::Sqlite(path) = url
        && !path.exists()
    {
        let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
        return Err(format!("there is no database at {}: {MAKES_ONE}", path.display()));
    }

    let mut conn = connect(url, catalog)?;
    let known = versions(&conn, catalog).map_err(|error| format!("cannot read the migrations: {error}"))?;
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
fn versions(conn: &Conn, catalog: &Catalog) -> migration::Result<BTreeSet<String>> {
    fn names<DB: diesel::backend::Backend>(all: &All) -> migration::Result<BTreeSet<String>> {
        let all: Vec<Box<dyn migration::Migration<DB>>> = all.migrations()?;
        Ok(all.iter().map(|migration| migration.name().version().to_string()).collect())
    }
    let all = All::of(catalog, conn.kind());
    match conn.backend {
        Backend::Sqlite(_) => names::<diesel::sqlite::Sqlite>(&all),
        Backend::Postgres(_) => names::<diesel::pg::Pg>(&all),
    }
}

/// Tenon's own migrations and those of the catalogue, for one kind of database.
struct All {
    own: EmbeddedMigrations,
    added: Vec<Added>,
}

/// A migration of the catalogue.
#[derive(Clone, Copy)]
struct Added {
    name: &'static str,
    up: &'static str,
}

impl All {
    fn of(catalog: &Catalog, kind: Kind) -> Self {
        let up = |one: &Migration| if kind == Kind::Sqlite { one.sqlite } else { one.postgres };
        let added = catalog.migrations().iter().map(|one| Added { name: one.name, up: up(one) }).collect();
        Self { own: if kind == Kind::Sqlite { SQLITE } else { POSTGRES }, added }
    }
}

impl<DB: diesel::backend::Backend> MigrationSource<DB> for &All {
    fn migrations(&self) -> migration::Result<Vec<Box<dyn migration::Migration<DB>>>> {
        (**self).migrations()
    }
}

impl<DB: diesel::backend::Backend> MigrationSource<DB> for All {
    fn migrations(&self) -> migration::Result<Vec<Box<dyn migration::Migration<DB>>>> {
        let mut all = MigrationSource::<DB>::migrations(&self.own)?;
        all.extend(self.added.iter().map(|one| -> Box<dyn migration::Migration<DB>> { Box::new(*one) }));
        Ok(all)
    }
}

impl<DB: diesel::backend::Backend> migration::Migration<DB> for Added {
    fn run(&self, conn: &mut dyn BoxableConnection<DB>) -> migration::Result<()> {
        Ok(conn.batch_execute(self.up)?)
    }

    fn revert(&self, _: &mut dyn BoxableConnection<DB>) -> migration::Result<()> {
        Err(format!("{} cannot be reverted", self.name).into())
    }

    fn metadata(&self) -> &dyn MigrationMetadata {
        self
    }

    fn name(&self) -> &dyn MigrationName {
        self
    }
}

impl MigrationMetadata for Added {}

impl MigrationName for Added {
    /// As diesel reads the names of folders.
    fn version(&self) -> MigrationVersion<'_> {
        self.name.split('_').next().unwrap_or_default().replace('-', "").into()
    }
}

impl Display for Added {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.name)
    }
}
