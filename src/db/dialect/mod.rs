//! What the databases spell differently. What differs in one statement alone stands there, side by side: see [`Sql::either`].

mod postgres;
mod sqlite;

use diesel::backend::Backend;
use diesel::query_builder::AstPass;
use diesel::result::QueryResult;

use super::bind::Bind;
use super::{Cell, Conn, Db, Kind, Sql};
use crate::error::Result;

/// What differs between the databases when values are bound and read.
pub(super) trait Dialect: Backend {
    const IS_SQLITE: bool;
    fn bind<'b>(out: AstPass<'_, 'b, Self>, value: &'b Bind) -> QueryResult<()>;
    fn cell<'a>(value: Option<Self::RawValue<'a>>, read: &mut dyn FnMut(Cell<'_>)) -> Result<()>;
}

/// Binds what both databases take alike.
macro_rules! bind_scalars {
    ($out:ident, $value:ident, $($lists:tt)*) => {
        match $value {
            Bind::Int(value) => $out.push_bind_param::<Nullable<BigInt>, _>(value),
            Bind::Bool(value) => $out.push_bind_param::<Nullable<Bool>, _>(value),
            Bind::Text(value) => $out.push_bind_param::<Nullable<Text>, _>(value),
            $($lists)*
        }
    };
}
use bind_scalars;

impl Sql {
    /// Locks the rows that are selected until the transaction ends. On SQLite a transaction that writes is alone anyway.
    pub(super) fn for_update(&mut self) -> &mut Self {
        self.either("", " FOR UPDATE")
    }

    /// Locks the rows that are selected until the transaction ends, and leaves out those that another one has locked. On
    /// SQLite a transaction that writes is alone anyway.
    pub(super) fn skip_locked(&mut self) -> &mut Self {
        self.either("", " FOR UPDATE SKIP LOCKED")
    }

    /// As [`Self::for_update`], but others may still refer to the rows.
    pub(super) fn for_no_key_update(&mut self) -> &mut Self {
        self.either("", " FOR NO KEY UPDATE")
    }

    /// Keeps the rows that are selected from being deleted, or from getting another key, until the transaction ends.
    pub(super) fn for_key_share(&mut self) -> &mut Self {
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
