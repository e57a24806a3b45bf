//! Many rows in one go: one statement on PostgreSQL, where a round trip costs most, and one prepared statement for each
//! row on SQLite, where building the arrays would cost more than the statements.

use super::bind::{Bind, List};
use super::sql::Sql;
use super::{Conn, Kind};
use crate::error::{Error, Result};

/// A statement that takes rows of values.
pub(super) struct Bulk {
    /// The statement for one row on SQLite, cut where a value goes.
    pub sqlite: &'static [&'static str],
    /// The statement for all rows on PostgreSQL: what stands before and after `UNNEST(…)`.
    pub postgres: [&'static str; 2],
}

/// The values of one row; each column holds numbers or texts throughout, and every row has the same columns.
pub(super) type Values = Vec<Value>;

/// A value of a row.
pub(super) enum Value {
    /// A number or nothing.
    Int(Option<i64>),
    /// A text or nothing.
    Text(Option<String>),
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(Some(value))
    }
}

impl From<Option<i64>> for Value {
    fn from(value: Option<i64>) -> Self {
        Self::Int(value)
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(Some(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(Some(value.to_owned()))
    }
}

impl From<Option<String>> for Value {
    fn from(value: Option<String>) -> Self {
        Self::Text(value)
    }
}

/// What tells the rows of a [`Bulk`] apart: the place of a column of numbers among its values, and PostgreSQL's name of it
/// in `RETURNING`.
pub(super) struct Key(pub usize, pub &'static str);

/// Runs `bulk` for all `rows` and returns how many rows it touched.
pub(super) fn run(conn: &mut Conn, bulk: &Bulk, rows: Vec<Values>) -> Result<usize> {
    match conn.kind() {
        _ if rows.is_empty() => Ok(0),
        Kind::Postgres => conn.execute(&all_rows(bulk, rows)?),
        Kind::Sqlite => rows.into_iter().map(|row| conn.execute(&one_row(bulk, row))).sum(),
    }
}

/// Runs `bulk` for all `rows` and returns the keys of those that touched something.
///
/// SQLite tells by counting: with `RETURNING` each statement would open a table and a journal of its own, which costs more
/// than the statement.
pub(super) fn touched(conn: &mut Conn, bulk: &Bulk, key: &Key, rows: Vec<Values>) -> Result<Vec<i64>> {
    match conn.kind() {
        _ if rows.is_empty() => Ok(Vec::new()),
        Kind::Postgres => {
            let mut sql = all_rows(bulk, rows)?;
            sql.text(" RETURNING ").text(key.1);
            conn.list(&sql, |row| row.int(0))
        }
        Kind::Sqlite => {
            let mut touched = Vec::with_capacity(rows.len());
            for row in rows {
                let Some(Value::Int(Some(number))) = row.get(key.0) else {
                    return Err(Error::internal("the key of a row is no number"));
                };
                let number = *number;
                if conn.execute(&one_row(bulk, row))? > 0 {
                    touched.push(number);
                }
            }
            Ok(touched)
        }
    }
}

/// Runs `bulk`, which inserts into a table whose `id` counts up, for all `rows`, and returns the ids of those that are new,
/// in their order.
pub(super) fn insert(conn: &mut Conn, bulk: &Bulk, rows: Vec<Values>) -> Result<Vec<i64>> {
    if rows.is_empty() {
        return Ok(Vec::new());
    }
    if conn.kind() == Kind::Postgres {
        let mut sql = all_rows(bulk, rows)?;
        let mut ids = conn.list(sql.text(" RETURNING id"), |row| row.int(0))?;
        ids.sort_unstable(); // They count up in the order of the rows, and may be returned in another.
        return Ok(ids);
    }
    let count = i64::try_from(run(conn, bulk, rows)?).unwrap_or(i64::MAX);
    // Nobody else writes during a transaction: they follow each other.
    let last = conn.first(&Sql::new("SELECT last_insert_rowid()"), |row| row.int(0))?.unwrap_or_default();
    Ok((last - count + 1..=last).collect())
}

fn one_row(bulk: &Bulk, row: Values) -> Sql {
    let mut sql = Sql::default();
    let mut values = row.into_iter();
    for (place, part) in bulk.sqlite.iter().enumerate() {
        if place > 0 {
            sql.bind(match values.next() {
                Some(Value::Text(text)) => Bind::Text(text),
                Some(Value::Int(number)) => Bind::Int(number),
                None => Bind::Int(None),
            });
        }
        sql.text(part);
    }
    sql
}

fn all_rows(bulk: &Bulk, rows: Vec<Values>) -> Result<Sql> {
    let mut columns: Vec<Bind> = Vec::new();
    for row in rows {
        for (place, value) in row.into_iter().enumerate() {
            match (columns.get_mut(place), value) {
                (None, Value::Int(number)) => columns.push(Bind::FindInts(List(vec![number]))),
                (None, Value::Text(text)) => columns.push(Bind::FindTexts(List(vec![text]))),
                (Some(Bind::FindInts(numbers)), Value::Int(number)) => numbers.0.push(number),
                (Some(Bind::FindTexts(texts)), Value::Text(text)) => texts.0.push(text),
                _ => return Err(Error::internal("a column of numbers and texts")),
            }
        }
    }
    let mut sql = Sql::new(bulk.postgres[0]);
    sql.text("UNNEST(");
    for (place, column) in columns.into_iter().enumerate() {
        sql.text(if place > 0 { ", " } else { "" }).bind(column);
    }
    sql.text(")").text(bulk.postgres[1]);
    Ok(sql)
}
