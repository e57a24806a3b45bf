//! Statements that are only known when a request has come: text, identifiers and bound values in order, for either
//! database, and rows read without a type.

use std::hash::{Hash, Hasher};

use diesel::connection::LoadConnection;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::row::{Field as _, Row as _};
use diesel::sql_types::Untyped;

use super::bind::{Bind, List};
use super::cell::Cell;
use super::dialect::Dialect;
use crate::error::{Error, Result};

/// A statement in the making.
///
/// Only text of the program itself and identifiers of content types go into it; whatever a caller sent is bound.
#[derive(Default, Debug, Clone)]
pub struct Sql {
    pieces: Vec<Piece>,
}

#[derive(Debug, Clone)]
pub(super) enum Piece {
    Text(&'static str),
    /// An alias such as `t12`, whose number the program counted.
    Alias(&'static str, usize),
    Identifier(&'static str),
    /// A number that is text of the statement.
    Number(i64),
    Bind(Bind),
    /// Text that differs between the databases.
    Either {
        sqlite: &'static str,
        postgres: &'static str,
    },
}

impl Sql {
    /// A statement that begins with `text`.
    pub fn new(text: &'static str) -> Self {
        Self { pieces: vec![Piece::Text(text)] }
    }

    /// Adds text of the program's own.
    pub fn text(&mut self, text: &'static str) -> &mut Self {
        self.pieces.push(Piece::Text(text));
        self
    }

    /// Adds text that differs between the databases.
    pub fn either(&mut self, sqlite: &'static str, postgres: &'static str) -> &mut Self {
        self.pieces.push(Piece::Either { sqlite, postgres });
        self
    }

    /// Adds a table or column name, quoted.
    pub fn name(&mut self, identifier: &'static str) -> &mut Self {
        self.pieces.push(Piece::Identifier(identifier));
        self
    }

    /// Adds the alias `<letter><number>`.
    pub fn alias(&mut self, letter: &'static str, number: usize) -> &mut Self {
        self.pieces.push(Piece::Alias(letter, number));
        self
    }

    /// Adds `<letter><number>."column"`.
    pub fn column(&mut self, letter: &'static str, number: usize, column: &'static str) -> &mut Self {
        self.alias(letter, number).text(".").name(column)
    }

    /// Adds a bound value. PostgreSQL takes no NUL in a text, so each becomes U+FFFD, on both databases: what an outside
    /// service answers must not make its run impossible to record.
    pub fn bind(&mut self, value: Bind) -> &mut Self {
        self.pieces.push(Piece::Bind(value.without_nul()));
        self
    }

    /// Adds a bound number.
    pub fn int(&mut self, value: i64) -> &mut Self {
        self.bind(Bind::Int(Some(value)))
    }

    /// Adds a bound text.
    pub fn str(&mut self, value: impl Into<String>) -> &mut Self {
        self.bind(Bind::Text(Some(value.into())))
    }

    /// Adds a bound text, or null.
    pub fn find_str(&mut self, value: Option<String>) -> &mut Self {
        self.bind(Bind::Text(value))
    }

    /// Adds ` IN (all of these)`.
    pub fn in_ints(&mut self, values: Vec<i64>) -> &mut Self {
        self.either(" IN (SELECT value FROM json_each(", " = ANY(").bind(Bind::Ints(List(values))).either("))", ")")
    }

    /// Adds ` IN (all of these)`.
    pub fn in_texts(&mut self, values: Vec<String>) -> &mut Self {
        self.either(" IN (SELECT value FROM json_each(", " = ANY(").bind(Bind::Texts(List(values))).either("))", ")")
    }

    /// Adds ` LIMIT … OFFSET …`. The limit is text, not a bound value: with it PostgreSQL sees that one plan serves every
    /// execution, and plans once; and SQLite would prepare the statement anew for each value bound there.
    pub fn limit(&mut self, limit: i64, start: i64) -> &mut Self {
        self.text(" LIMIT ").pieces.push(Piece::Number(limit));
        if start > 0 {
            // Not bare: SQLite looks at it when it plans, too.
            self.text(" OFFSET 0 + ").int(start);
        }
        self
    }

    /// Adds another statement's pieces.
    pub fn append(&mut self, other: Self) -> &mut Self {
        self.pieces.extend(other.pieces);
        self
    }

    pub(super) fn pieces(&self) -> &[Piece] {
        &self.pieces
    }

    pub(super) fn keeping(&self, keep: bool) -> Kept<'_> {
        Kept { sql: self, keep }
    }
}

impl Hash for Piece {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Self::Text(text) | Self::Identifier(text) => text.hash(state),
            Self::Alias(letter, number) => (letter, number).hash(state),
            Self::Number(number) => number.hash(state),
            Self::Either { sqlite, .. } => sqlite.hash(state),
            Self::Bind(bind) => std::mem::discriminant(bind).hash(state),
        }
    }
}

/// The numbers that most aliases have.
const DIGITS: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// A statement, and whether its prepared form is worth keeping.
pub(super) struct Kept<'a> {
    sql: &'a Sql,
    keep: bool,
}

impl QueryId for Kept<'_> {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Kept<'_> {
    type SqlType = Untyped;
}

impl<C> RunQueryDsl<C> for Kept<'_> {}

impl<DB: Dialect> QueryFragment<DB> for Kept<'_> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        if !self.keep {
            out.unsafe_to_cache_prepared();
        }
        for piece in &self.sql.pieces {
            match piece {
                Piece::Text(text) => out.push_sql(text),
                Piece::Either { sqlite, postgres } => out.push_sql(if DB::IS_SQLITE { sqlite } else { postgres }),
                Piece::Identifier(name) => out.push_identifier(name)?,
                Piece::Alias(letter, number) => {
                    out.push_sql(letter);
                    match DIGITS.get(*number) {
                        Some(digit) => out.push_sql(digit),
                        None => out.push_sql(&number.to_string()),
                    }
                }
                Piece::Number(number) => out.push_sql(&number.to_string()),
                Piece::Bind(bind) => DB::bind(out.reborrow(), bind)?,
            }
        }
        Ok(())
    }
}

/// A row while it is read, and how many bytes of it were.
pub struct Row<'a>(&'a dyn Cells, &'a std::cell::Cell<usize>);

trait Cells {
    fn cell(&self, place: usize, read: &mut dyn FnMut(Cell<'_>)) -> Result<()>;
}

struct RowOf<'a, R>(&'a R, ReadCell<R>);

/// Reads one column of a backend's own row.
type ReadCell<R> = fn(&R, usize, &mut dyn FnMut(Cell<'_>)) -> Result<()>;

impl<R> Cells for RowOf<'_, R> {
    fn cell(&self, place: usize, read: &mut dyn FnMut(Cell<'_>)) -> Result<()> {
        self.1(self.0, place, read)
    }
}

impl Row<'_> {
    /// Hands the value in column `place` (from 0) to `read`, without a copy.
    pub fn cell<T>(&self, place: usize, read: impl FnOnce(Cell<'_>) -> T) -> Result<T> {
        let (mut read, mut taken) = (Some(read), None);
        self.0.cell(place, &mut |cell| {
            self.1.set(self.1.get().saturating_add(cell.size()));
            taken = read.take().map(|read| read(cell));
        })?;
        taken.ok_or_else(|| Error::internal("a column that was not read"))
    }

    /// The number in column `place`, if there is one.
    pub fn find_int(&self, place: usize) -> Result<Option<i64>> {
        self.cell(place, |cell| match cell {
            Cell::Int(value) => Some(value),
            _ => None,
        })
    }

    /// The number in column `place`; an error when there is none.
    pub fn int(&self, place: usize) -> Result<i64> {
        self.find_int(place)?.ok_or_else(|| Error::internal(format!("no number in column {place}")))
    }

    /// The text in column `place`, if there is one.
    pub fn find_text(&self, place: usize) -> Result<Option<String>> {
        self.cell(place, |cell| match cell {
            Cell::Text(value) => Some(value.to_owned()),
            _ => None,
        })
    }

    /// The text in column `place`; an error when there is none.
    pub fn text(&self, place: usize) -> Result<String> {
        self.find_text(place)?.ok_or_else(|| Error::internal(format!("no text in column {place}")))
    }
}

/// Hands each row to `each`, with the count of the bytes that are read of it.
pub(super) fn each_row<C, Mode>(
    conn: &mut C,
    sql: Kept<'_>,
    each: &mut dyn FnMut(Row<'_>, &std::cell::Cell<usize>) -> Result<()>,
) -> Result<()>
where
    C: LoadConnection<Mode>,
    C::Backend: Dialect + diesel::expression::QueryMetadata<Untyped>,
{
    let read = std::cell::Cell::new(0);
    for row in LoadConnection::<Mode>::load(conn, sql)? {
        let row = row?;
        let cells = RowOf(&row, |row, place, read| {
            let field = row.get(place).ok_or_else(|| Error::internal(format!("no column {place}")))?;
            <C::Backend as Dialect>::cell(field.value(), read)
        });
        each(Row(&cells, &read), &read)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::testing::on_every_backend;

    #[test]
    fn a_nul_in_a_text_is_replaced_on_both_databases() {
        on_every_backend(|conn| {
            let mut sql = Sql::new("SELECT CAST(");
            sql.str("a\0b").text(" AS TEXT)");
            assert!(matches!(conn.first(&sql, |row| row.text(0)), Ok(Some(text)) if text == "a\u{fffd}b"));
        });
    }
}
