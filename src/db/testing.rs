//! Databases for the unit tests of everything that speaks SQL.

use super::{Conn, DatabaseUrl, Kind, open};
use crate::content::test_catalog;

#[path = "../../tests/it/support/database.rs"]
mod database;
pub(crate) use database::TestDatabase;

/// Runs `test` on a fresh SQLite database and on a fresh PostgreSQL database, with a connection that writes.
///
/// Needs `TEST_DATABASE_URL`, which `tests/run` provides.
pub(crate) fn on_every_backend(mut test: impl FnMut(&mut Conn)) {
    for kind in [Kind::Sqlite, Kind::Postgres] {
        let database = TestDatabase::fresh(kind);
        test(&mut connect(&database.parsed()));
    }
}

fn connect(url: &DatabaseUrl) -> Conn {
    open::connect(url, test_catalog()).unwrap_or_else(|problem| panic!("{problem}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::db::Sql;

    #[test]
    fn both_databases_have_the_same_tables() {
        let mut tables = Vec::new();
        on_every_backend(|conn| {
            let mut sql = Sql::new("");
            sql.either(
                "SELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c \
                 WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%' AND c.name IS NOT NULL",
                "SELECT table_name::text, column_name::text FROM information_schema.columns \
                 WHERE table_schema = 'public'",
            );
            let mut columns = BTreeSet::new();
            let taken = conn.query(&sql, |row| {
                columns.insert((row.text(0)?, row.text(1)?));
                Ok(())
            });
            taken.expect("columns");
            // PostgreSQL draws component ids from a sequence.
            columns.retain(|(table, _)| !["__diesel_schema_migrations", "component_ids"].contains(&table.as_str()));
            assert!(columns.len() > 100, "{columns:?}");
            tables.push(columns);
        });
        let different: Vec<_> = tables[0].symmetric_difference(&tables[1]).collect();
        assert!(different.is_empty(), "in one database alone: {different:?}");
    }
}
