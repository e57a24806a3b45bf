//! Values as they are bound.

use std::borrow::Cow;

use diesel::serialize::{IsNull, Output, ToSql};
use diesel::sql_types::Text;
use diesel::sqlite::Sqlite;

use super::text::without_nul;

/// A bound value.
#[derive(Debug, Clone, PartialEq)]
pub enum Bind {
    /// A whole number or a moment.
    Int(Option<i64>),
    /// True or false.
    Bool(Option<bool>),
    /// A text.
    Text(Option<String>),
    /// A decimal in its canonical text.
    Decimal(Option<String>),
    /// Whole numbers, for `x IN (…)`: one bind, so that the statement's text does not depend on how many there are.
    Ints(List<i64>),
    /// Texts, likewise.
    Texts(List<String>),
    /// A column of numbers, some of them missing.
    FindInts(List<Option<i64>>),
    /// A column of texts, some of them missing.
    FindTexts(List<Option<String>>),
}

impl Bind {
    pub(super) fn without_nul(mut self) -> Self {
        let clean = |text: &mut String| {
            if let Cow::Owned(safe) = without_nul(text) {
                *text = safe;
            }
        };
        match &mut self {
            Self::Text(Some(text)) => clean(text),
            Self::Texts(texts) => texts.0.iter_mut().for_each(clean),
            Self::FindTexts(texts) => texts.0.iter_mut().flatten().for_each(clean),
            _ => {}
        }
        self
    }
}

/// Several values in one bind: an array on PostgreSQL, a JSON array on SQLite.
#[derive(Debug, Clone, PartialEq)]
pub struct List<T>(pub Vec<T>);

impl<T: serde::Serialize + std::fmt::Debug> ToSql<Text, Sqlite> for List<T> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> diesel::serialize::Result {
        out.set_value(serde_json::to_string(&self.0)?);
        Ok(IsNull::No)
    }
}
