//! What several statements and callers do differently on each database, under the names of what they mean.

use crate::db::{Conn, Db, Kind, Sql};

impl Sql {
    /// Locks the rows that are selected until the transaction ends. On SQLite a transaction that writes is alone anyway.
    pub(in crate::db) fn for_update(&mut self) -> &mut Self {
        self.either("", " FOR UPDATE")
    }

    /// Locks the rows that are selected until the transaction ends, and leaves out those that another one has locked. On
    /// SQLite a transaction that writes is alone anyway.
    pub(in crate::db) fn skip_locked(&mut self) -> &mut Self {
        self.either("", " FOR UPDATE SKIP LOCKED")
    }

    /// As [`Self::for_update`], but others may still refer to the rows.
    pub(in crate::db) fn for_no_key_update(&mut self) -> &mut Self {
        self.either("", " FOR NO KEY UPDATE")
    }

    /// Keeps the rows that are selected from being deleted, or from getting another key, until the transaction ends.
    pub(in crate::db) fn for_key_share(&mut self) -> &mut Self {
        self.either("", " FOR KEY SHARE")
    }
}

impl Conn {
    /// Whether other processes may work on the database too, as they cannot on SQLite's.
    pub fn is_shared(&self) -> bool {
        self.kind() == Kind::Postgres
    }
}

impl Db {
    /// Whether other processes may work on the database too, as they cannot on SQLite's.
    pub fn is_shared(&self) -> bool {
        self.kind() == Kind::Postgres
    }

    /// How many writes are worth having under way at once. On SQLite one is prepared while another is committed; PostgreSQL
    /// commits several side by side.
    pub fn parallel_writes(&self) -> usize {
        if self.kind() == Kind::Postgres { 4 } else { 2 }
    }

    /// Whether a read that is quick is best done on the caller's thread, through [`Db::connect_reader`]: SQLite answers it
    /// in less time than another thread takes to begin.
    pub fn reads_in_place(&self) -> bool {
        self.kind() == Kind::Sqlite
    }
}
