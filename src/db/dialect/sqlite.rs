//! SQLite's side.

use diesel::query_builder::AstPass;
use diesel::result::QueryResult;
use diesel::sql_types::{BigInt, Bool, Nullable, Text};
use diesel::sqlite::{Sqlite, SqliteType, SqliteValue};

use super::{Dialect, bind_scalars};
use crate::db::bind::Bind;
use crate::db::cell::Cell;
use crate::error::{Error, Result};

impl Dialect for Sqlite {
    const IS_SQLITE: bool = true;

    fn bind<'b>(mut out: AstPass<'_, 'b, Self>, value: &'b Bind) -> QueryResult<()> {
        bind_scalars!(out, value,
            Bind::Decimal(value) => out.push_bind_param::<Nullable<Text>, _>(value),
            Bind::Ints(values) => out.push_bind_param::<Text, _>(values),
            Bind::Texts(values) => out.push_bind_param::<Text, _>(values),
            Bind::FindInts(values) => out.push_bind_param::<Text, _>(values),
            Bind::FindTexts(values) => out.push_bind_param::<Text, _>(values),
        )
    }

    fn cell<'a>(value: Option<SqliteValue<'a, 'a, 'a>>, read: &mut dyn FnMut(Cell<'_>)) -> Result<()> {
        let Some(mut value) = value else {
            read(Cell::Null);
            return Ok(());
        };
        match value.value_type() {
            None => read(Cell::Null),
            Some(SqliteType::Text | SqliteType::Binary) => read(Cell::Text(value.read_text())),
            Some(SqliteType::Float | SqliteType::Double) => return Err(Error::internal("a float in the database")),
            Some(_) => read(Cell::Int(value.read_long())),
        }
        Ok(())
    }
}
