//! What the databases spell differently. What differs in one statement alone stands there, side by side: see
//! [`Sql::either`](crate::db::Sql::either).

mod differences;
mod postgres;
mod sqlite;

use diesel::backend::Backend;
use diesel::query_builder::AstPass;
use diesel::result::QueryResult;

use super::bind::Bind;
use super::cell::Cell;
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
