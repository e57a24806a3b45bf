//! A migration that an embedding program adds with its content types.

/// A change of the tables, made once in each database.
pub struct Migration {
    /// `2026-12-01-000000_articles`: its beginning up to the `_`, without the `-`, is its version. Migrations are made in the
    /// order of their versions, which are unique.
    pub name: &'static str,
    /// What is made on SQLite.
    pub sqlite: &'static str,
    /// What is made on PostgreSQL.
    pub postgres: &'static str,
}
