//! The type of the text columns of the program's own tables.

use std::borrow::Cow;
use std::io::Write as _;

use diesel::backend::Backend;
use diesel::deserialize::{self, FromSql, FromStaticSqlRow, Queryable};
use diesel::expression::AsExpression;
use diesel::pg::Pg;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::{Bool, Nullable, SingleValue, SqlType, Text};
use diesel::sqlite::Sqlite;

use crate::handler::Json;

/// A text without NUL, which PostgreSQL does not store: each becomes U+FFFD when it is bound, on both databases. What an
/// outside service answers must not make its run impossible to record, nor a path with `%00` a failure of the database.
#[derive(Debug, Clone, Copy, Default, SqlType, diesel::query_builder::QueryId)]
#[diesel(sqlite_type(name = "Text"), postgres_type(oid = 25, array_oid = 1009))]
pub struct SafeText;

/// `text` as it is stored.
pub(super) fn without_nul(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

impl ToSql<SafeText, Sqlite> for str {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        match without_nul(self) {
            Cow::Borrowed(text) => out.set_value(text),
            Cow::Owned(text) => out.set_value(text),
        }
        Ok(IsNull::No)
    }
}

impl ToSql<SafeText, Pg> for str {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        out.write_all(without_nul(self).as_bytes())?;
        Ok(IsNull::No)
    }
}

impl<DB: Backend> ToSql<SafeText, DB> for String
where
    str: ToSql<SafeText, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.as_str().to_sql(out)
    }
}

/// A text on its way into a column that cannot be null; see [`safe`].
#[derive(Debug, AsExpression)]
#[diesel(sql_type = SafeText)]
pub struct Bound<'a>(Cow<'a, str>);

/// `text` as a value of a [`SafeText`]. (An optional text is one by itself.)
pub(super) fn safe<'a>(text: impl Into<Cow<'a, str>>) -> Bound<'a> {
    Bound(text.into())
}

impl<DB: Backend> ToSql<SafeText, DB> for Bound<'_>
where
    str: ToSql<SafeText, DB>,
{
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
        self.0.to_sql(out)
    }
}

impl FromSql<SafeText, Sqlite> for String {
    fn from_sql(value: <Sqlite as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        <Self as FromSql<Text, Sqlite>>::from_sql(value)
    }
}

impl FromSql<SafeText, Pg> for String {
    fn from_sql(value: <Pg as Backend>::RawValue<'_>) -> deserialize::Result<Self> {
        <Self as FromSql<Text, Pg>>::from_sql(value)
    }
}

impl<DB: Backend> FromSql<SafeText, DB> for Json
where
    String: FromSql<SafeText, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> deserialize::Result<Self> {
        Ok(Self::parse(<String as FromSql<SafeText, DB>>::from_sql(value)?)?)
    }
}

impl<DB: Backend, ST: SingleValue> Queryable<ST, DB> for Json
where
    Self: FromSql<ST, DB>,
{
    type Row = Self;

    fn build(row: Self) -> deserialize::Result<Self> {
        Ok(row)
    }
}

/// A switch that an editor may have left out: null is off.
pub struct Switch(Option<bool>);

impl<DB: Backend> Queryable<Nullable<Bool>, DB> for Switch
where
    Option<bool>: FromStaticSqlRow<Nullable<Bool>, DB>,
{
    type Row = Option<bool>;

    fn build(row: Self::Row) -> deserialize::Result<Self> {
        Ok(Self(row))
    }
}

impl From<Switch> for bool {
    fn from(switch: Switch) -> Self {
        switch.0 == Some(true)
    }
}

/// A list of texts that is stored as JSON; null is an empty one.
pub struct JsonTexts(Vec<String>);

impl<DB: Backend> Queryable<Nullable<SafeText>, DB> for JsonTexts
where
    Option<String>: FromStaticSqlRow<Nullable<SafeText>, DB>,
{
    type Row = Option<String>;

    fn build(row: Self::Row) -> deserialize::Result<Self> {
        let texts = row.map(|json| serde_json::from_str(&json)).transpose()?;
        Ok(Self(texts.unwrap_or_default()))
    }
}

impl From<JsonTexts> for Vec<String> {
    fn from(list: JsonTexts) -> Self {
        list.0
    }
}
