//! PostgreSQL's side.

use diesel::pg::{Pg, PgValue};
use diesel::query_builder::AstPass;
use diesel::result::QueryResult;
use diesel::sql_types::{Array, BigInt, Bool, Nullable, Text};

use super::{Dialect, bind_scalars};
use crate::db::bind::Bind;
use crate::db::cell::Cell;
use crate::error::{Error, Result};

impl Dialect for Pg {
    const IS_SQLITE: bool = false;

    fn bind<'b>(mut out: AstPass<'_, 'b, Self>, value: &'b Bind) -> QueryResult<()> {
        bind_scalars!(out, value,
            Bind::Decimal(value) => {
                out.push_sql("CAST(");
                out.push_bind_param::<Nullable<Text>, _>(value)?;
                out.push_sql(" AS NUMERIC)");
                Ok(())
            }
            Bind::Ints(values) => out.push_bind_param::<Array<BigInt>, _>(&values.0),
            Bind::Texts(values) => out.push_bind_param::<Array<Text>, _>(&values.0),
            Bind::FindInts(values) => out.push_bind_param::<Array<Nullable<BigInt>>, _>(&values.0),
            Bind::FindTexts(values) => out.push_bind_param::<Array<Nullable<Text>>, _>(&values.0),
        )
    }

    fn cell<'a>(value: Option<PgValue<'a>>, read: &mut dyn FnMut(Cell<'_>)) -> Result<()> {
        let Some(value) = value else {
            read(Cell::Null);
            return Ok(());
        };
        let bytes = value.as_bytes();
        let broken = || Error::internal("a value of the database has the wrong length");
        // Object ids of pg_type: bool 16, int8 20, int4 23, text 25, varchar 1043.
        match value.get_oid().get() {
            16 => read(Cell::Int(i64::from(bytes.first().copied().ok_or_else(broken)?))),
            20 => read(Cell::Int(i64::from_be_bytes(bytes.try_into().map_err(|_| broken())?))),
            23 => read(Cell::Int(i64::from(i32::from_be_bytes(bytes.try_into().map_err(|_| broken())?)))),
            25 | 1043 => read(Cell::Text(std::str::from_utf8(bytes).map_err(|error| Error::Internal(error.into()))?)),
            other => return Err(Error::internal(format!("a column of unexpected type {other}"))),
        }
        Ok(())
    }
}
