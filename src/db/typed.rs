//! Statements whose shape is known when the program is compiled: diesel's query builder, checked against the schema for
//! both databases. The others are text: see [`super::sql`].

use diesel::connection::DefaultLoadingMode;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping};
use diesel::pg::{Pg, PgConnection, PgRowByRowLoadingMode};
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::query_dsl::methods::{ExecuteDsl, LoadQuery};
use diesel::serialize::ToSql;
use diesel::sql_types::{Array, BigInt, Bool, SingleValue, Text};
use diesel::sqlite::{Sqlite, SqliteConnection};

use super::deadline;
use super::text::SafeText;
use super::{Backend, Conn, List};
use crate::error::{Error, Result};
use crate::limits::ANSWER;

/// The columns that make a `T`: what a statement selects that is loaded as one.
pub(super) fn columns<T: Selectable<Sqlite>>() -> T::SelectExpression {
    T::construct_selection()
}

/// A value that can be long, with about how many bytes it takes in an answer.
pub(super) trait Weight {
    /// Its bytes.
    fn weight(&self) -> usize;
}

impl<K, T: Weight> Weight for (K, T) {
    fn weight(&self) -> usize {
        self.1.weight()
    }
}

impl Conn {
    /// The rows of `query`.
    pub(super) fn load<'q, T, Q>(&mut self, query: Q) -> Result<Vec<T>>
    where
        Q: LoadQuery<'q, SqliteConnection, T> + LoadQuery<'q, PgConnection, T>,
    {
        Ok(super::on_backend!(self, conn => RunQueryDsl::load(query, conn))?)
    }

    /// The first row of `query`, if it has one.
    pub(super) fn load_first<'q, T, Q>(&mut self, query: Q) -> Result<Option<T>>
    where
        Q: LoadQuery<'q, SqliteConnection, T> + LoadQuery<'q, PgConnection, T>,
    {
        Ok(super::on_backend!(self, conn => RunQueryDsl::get_result(query, conn)).optional()?)
    }

    /// The row of `query`, which always has one.
    pub(super) fn load_one<'q, T, Q>(&mut self, query: Q) -> Result<T>
    where
        Q: LoadQuery<'q, SqliteConnection, T> + LoadQuery<'q, PgConnection, T>,
    {
        self.load_first(query)?.ok_or_else(|| Error::internal("a statement without its row"))
    }

    /// The rows of `query`, which count in [`Conn::for_answer`] and must be found in the time of an answer.
    pub(super) fn load_weighed<'q, T, Q>(&mut self, query: Q) -> Result<Vec<T>>
    where
        T: Weight,
        Q: LoadQuery<'q, SqliteConnection, T, DefaultLoadingMode>
            + LoadQuery<'q, PgConnection, T, PgRowByRowLoadingMode>,
    {
        let mut found = Vec::new();
        let left = self.allowance.as_mut();
        self.deadline.keep(deadline::LONGEST, || match &mut self.backend {
            Backend::Sqlite(conn) => {
                weigh(RunQueryDsl::load_iter::<T, DefaultLoadingMode>(query, conn)?, left, &mut found)
            }
            // Else all rows would be in memory before the first is weighed.
            Backend::Postgres(conn) => {
                weigh(RunQueryDsl::load_iter::<T, PgRowByRowLoadingMode>(query, conn)?, left, &mut found)
            }
        })?;
        Ok(found)
    }

    /// Runs `query` and returns the number of rows that it changed.
    pub(super) fn run<Q>(&mut self, query: Q) -> Result<usize>
    where
        Q: ExecuteDsl<SqliteConnection> + RunQueryDsl<SqliteConnection>,
        Q: ExecuteDsl<PgConnection> + RunQueryDsl<PgConnection>,
    {
        Ok(super::on_backend!(self, conn => RunQueryDsl::execute(query, conn))?)
    }
}

fn weigh<T: Weight>(
    rows: impl Iterator<Item = QueryResult<T>>,
    mut left: Option<&mut usize>,
    found: &mut Vec<T>,
) -> Result<()> {
    for row in rows {
        let row = row?;
        if let Some(left) = &mut left {
            **left = left.checked_sub(row.weight()).ok_or_else(|| ANSWER.exceeded("The answer would have"))?;
        }
        found.push(row);
    }
    Ok(())
}

/// Whether `column` has one of `values`. All of them are one bind, so that the statement's text, and with it its prepared
/// form, does not depend on how many there are; diesel's own `eq_any` makes a text for each number of values on SQLite.
pub(super) fn is_one_of<C: Expression, V>(column: C, values: Vec<V>) -> OneOf<C, V> {
    OneOf { column, values: List(values) }
}

/// See [`is_one_of`].
#[derive(Debug, Clone)]
pub(super) struct OneOf<C, V> {
    column: C,
    values: List<V>,
}

impl<C: QueryId, V: 'static> QueryId for OneOf<C, V> {
    type QueryId = OneOf<C::QueryId, V>;
    const HAS_STATIC_QUERY_ID: bool = C::HAS_STATIC_QUERY_ID;
}

impl<C: Expression, V> Expression for OneOf<C, V> {
    type SqlType = Bool;
}

impl<C: AppearsOnTable<QS>, V, QS> AppearsOnTable<QS> for OneOf<C, V> {}

impl<C: SelectableExpression<QS>, V, QS> SelectableExpression<QS> for OneOf<C, V> {}

impl<C: ValidGrouping<G>, V, G> ValidGrouping<G> for OneOf<C, V> {
    type IsAggregate = C::IsAggregate;
}

impl<C: QueryFragment<Sqlite>, V> QueryFragment<Sqlite> for OneOf<C, V>
where
    List<V>: ToSql<Text, Sqlite>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(" IN (SELECT value FROM json_each(");
        out.push_bind_param::<Text, _>(&self.values)?;
        out.push_sql("))");
        Ok(())
    }
}

impl<C: QueryFragment<Pg>, V: InArray> QueryFragment<Pg> for OneOf<C, V>
where
    Vec<V>: ToSql<Array<V::Type>, Pg>,
    Pg: diesel::sql_types::HasSqlType<Array<V::Type>>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(" = ANY(");
        out.push_bind_param::<Array<V::Type>, _>(&self.values.0)?;
        out.push_sql(")");
        Ok(())
    }
}

/// What a list of values is on PostgreSQL.
pub(super) trait InArray {
    /// The type of one of them.
    type Type: SingleValue;
}

impl InArray for i64 {
    type Type = BigInt;
}

impl InArray for String {
    type Type = SafeText;
}
