//! A connection to either database.

use std::cell::Cell;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::num::NonZeroU32;
use std::panic::{AssertUnwindSafe, catch_unwind};

use diesel::connection::{AnsiTransactionManager, DefaultLoadingMode, TransactionManager};
use diesel::pg::{PgConnection, PgRowByRowLoadingMode};
use diesel::prelude::*;
use diesel::sqlite::SqliteConnection;

use super::deadline::{self, Deadline};
use super::sql::{self, Row, Sql};
use super::url::Kind;
use crate::content::{Catalog, ContentType, TypeSet};
use crate::error::{Error, Result};
use crate::limits::ANSWER;

/// How many shapes of query that callers choose keep their prepared statement. Beyond it they are prepared each time:
/// diesel never forgets a statement, so an open number would be a way to fill the memory.
const SHAPES: usize = 512;

/// With the seconds of [`deadline::LONGEST`].
const BEGIN_ANSWER: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = '10s'";

/// A connection to either database.
pub struct Conn {
    /// The connection itself.
    pub backend: Backend,
    catalog: &'static Catalog,
    shapes: HashSet<u64>,
    /// The content types of documents that were changed and of whose commit nobody was told yet.
    touched: TypeSet,
    /// What is to be done once the transaction is committed.
    after_commit: Vec<AfterCommit>,
    /// How many more bytes may be read, while an answer is.
    pub(super) allowance: Option<usize>,
    pub(super) deadline: Deadline,
}

/// See [`Conn::after_commit`].
pub(super) type AfterCommit = Box<dyn FnOnce() + Send>;

/// Which database a connection leads to.
pub enum Backend {
    /// The embedded one.
    Sqlite(SqliteConnection),
    /// A server.
    Postgres(PgConnection),
}

impl Conn {
    pub(super) fn new(backend: Backend, catalog: &'static Catalog, deadline: Deadline) -> Self {
        Self {
            backend,
            catalog,
            shapes: HashSet::new(),
            touched: TypeSet::default(),
            after_commit: Vec::new(),
            allowance: None,
            deadline,
        }
    }

    /// The content types whose documents are in the database.
    pub fn catalog(&self) -> &'static Catalog {
        self.catalog
    }

    /// Which database it leads to.
    pub fn kind(&self) -> Kind {
        match self.backend {
            Backend::Sqlite(_) => Kind::Sqlite,
            Backend::Postgres(_) => Kind::Postgres,
        }
    }

    /// Notes that documents of this type are changed: what was answered of them before the commit is old after it.
    pub fn touch(&mut self, content_type: &ContentType) {
        self.touched.insert(content_type);
    }

    /// Has `work`, which must be short, done once what is written now is committed, before its caller is told. Dropped
    /// when it is not committed.
    pub fn after_commit(&mut self, work: impl FnOnce() + Send + 'static) {
        self.after_commit.push(Box::new(work));
    }

    /// Does what was to be done after the commit.
    pub(super) fn committed(&mut self) {
        std::mem::take(&mut self.after_commit).into_iter().for_each(|work| work());
    }

    /// Forgets what was noted within a transaction that was rolled back and whose end nobody saw.
    pub(super) fn forget(&mut self) {
        self.touched = TypeSet::default();
        self.after_commit.clear();
    }

    pub(super) fn take_touched(&mut self) -> TypeSet {
        std::mem::take(&mut self.touched)
    }

    /// Runs `sql` and hands each row to `each`.
    pub fn query(&mut self, sql: &Sql, mut each: impl FnMut(Row<'_>) -> Result<()>) -> Result<()> {
        let sql = sql.keeping(self.keeps(sql));
        let Some(left) = &mut self.allowance else {
            return super::on_backend!(self, conn => sql::each_row::<_, DefaultLoadingMode>(conn, sql, &mut |row, _| each(row)));
        };
        let mut each = |row: Row<'_>, read: &Cell<usize>| {
            each(row)?;
            *left = left.checked_sub(read.take()).ok_or_else(|| ANSWER.exceeded("The answer would have"))?;
            Ok(())
        };
        self.deadline.keep(deadline::LONGEST, || match &mut self.backend {
            Backend::Sqlite(conn) => sql::each_row::<_, DefaultLoadingMode>(conn, sql, &mut each),
            // Else all rows would be in memory before the first is counted.
            Backend::Postgres(conn) => sql::each_row::<_, PgRowByRowLoadingMode>(conn, sql, &mut each),
        })
    }

    /// Runs `work`, which reads what is to be answered. It fails with [`Error::Validation`] as soon as it has read more than
    /// an answer may have, and with [`Error::Unavailable`] when a statement takes too long: on PostgreSQL within
    /// [`Self::snapshot`] only.
    pub fn for_answer<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let before = self.allowance.replace(ANSWER.most << 20);
        let done = work(self);
        self.allowance = before;
        done
    }

    /// Runs `sql` and makes a list of what `read` takes from each row.
    pub fn list<T>(&mut self, sql: &Sql, mut read: impl FnMut(Row<'_>) -> Result<T>) -> Result<Vec<T>> {
        let mut found = Vec::new();
        self.query(sql, |row| {
            found.push(read(row)?);
            Ok(())
        })?;
        Ok(found)
    }

    /// Runs `sql` and returns what `read` takes from its first row.
    pub fn first<T>(&mut self, sql: &Sql, read: impl FnMut(Row<'_>) -> Result<T>) -> Result<Option<T>> {
        Ok(self.list(sql, read)?.into_iter().next())
    }

    /// Runs `sql` and returns the number of rows it changed.
    pub fn execute(&mut self, sql: &Sql) -> Result<usize> {
        let keep = self.keeps(sql);
        Ok(super::on_backend!(self, conn => sql.keeping(keep).execute(conn))?)
    }

    /// Runs `work` in a transaction: a savepoint when one is open already. Any `Err` rolls back.
    pub fn transaction<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.begin()?;
        let before = self.after_commit.len();
        let done = match work(self) {
            Ok(value) => self.commit().map(|()| value),
            Err(error) => self.roll_back().and(Err(error)),
        };
        if done.is_err() {
            self.after_commit.truncate(before);
        }
        done
    }

    /// Runs `work`, which only reads, so that all its statements see the database as of one moment.
    pub fn snapshot<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        if self.depth()? > 0 {
            return work(self); // The transaction that is open sees to it, as far as its caller needs it.
        }
        match &mut self.backend {
            Backend::Sqlite(conn) => AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN")?,
            Backend::Postgres(conn) => {
                let begin = match self.allowance {
                    Some(_) => BEGIN_ANSWER,
                    None => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
                };
                AnsiTransactionManager::begin_transaction_sql(conn, begin)?;
            }
        }
        match work(self) {
            Ok(value) => {
                self.commit()?;
                Ok(value)
            }
            Err(error) => {
                self.roll_back()?;
                Err(error)
            }
        }
    }

    /// Opens a transaction or, within one, a savepoint. On SQLite it takes the write lock at once: a transaction that
    /// reads first and then writes would fail whenever anyone wrote in between.
    pub(super) fn begin(&mut self) -> Result<()> {
        let outermost = self.depth()? == 0;
        match &mut self.backend {
            Backend::Sqlite(conn) if outermost => {
                AnsiTransactionManager::begin_transaction_sql(conn, "BEGIN IMMEDIATE")?;
            }
            Backend::Sqlite(conn) => AnsiTransactionManager::begin_transaction(conn)?,
            Backend::Postgres(conn) => AnsiTransactionManager::begin_transaction(conn)?,
        }
        Ok(())
    }

    pub(super) fn commit(&mut self) -> Result<()> {
        Ok(super::on_backend!(self, conn => AnsiTransactionManager::commit_transaction(conn))?)
    }

    pub(super) fn roll_back(&mut self) -> Result<()> {
        Ok(super::on_backend!(self, conn => AnsiTransactionManager::rollback_transaction(conn))?)
    }

    /// Runs `work` in a savepoint of the open transaction. A panic ends it as an `Err` does.
    pub(super) fn contained<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let (depth, before) = (self.depth()?, self.after_commit.len());
        catch_unwind(AssertUnwindSafe(|| self.transaction(work))).unwrap_or_else(|_| {
            self.after_commit.truncate(before);
            while self.depth()? > depth {
                self.roll_back()?;
            }
            Err(Error::internal("a write panicked"))
        })
    }

    fn depth(&mut self) -> Result<u32> {
        let depth = super::on_backend!(self, conn => {
            AnsiTransactionManager::transaction_manager_status_mut(conn).transaction_depth()?
        });
        Ok(depth.map_or(0, NonZeroU32::get))
    }

    pub(super) fn is_broken(&mut self) -> bool {
        super::on_backend!(self, conn => diesel::r2d2::R2D2Connection::is_broken(conn))
    }

    fn keeps(&mut self, sql: &Sql) -> bool {
        let mut hasher = DefaultHasher::new();
        sql.shape(&mut hasher);
        let shape = hasher.finish();
        self.shapes.contains(&shape) || (self.shapes.len() < SHAPES && self.shapes.insert(shape))
    }
}

impl Sql {
    fn shape(&self, hasher: &mut impl Hasher) {
        for piece in self.pieces() {
            piece.hash(hasher);
        }
    }
}

impl From<diesel::ConnectionError> for Error {
    fn from(error: diesel::ConnectionError) -> Self {
        log::error!("no database connection: {error}");
        Self::Unavailable("the database is away")
    }
}
