//! Values as they are bound.

use crate::content::{Field, Kind, Value};
use crate::db::Bind;

/// The bound form of a value of `field`. Nulls carry the column's type, which PostgreSQL insists on.
pub fn bound(field: &Field, value: Value) -> Bind {
    match value {
        Value::Null => null(field),
        Value::Bool(value) => Bind::Bool(Some(value)),
        Value::Int(value) | Value::Time(value) => Bind::Int(Some(value)),
        Value::Decimal(text) => Bind::Decimal(Some(text)),
        Value::Text(text) => Bind::Text(Some(text)),
        Value::Json(json) => Bind::Text(Some(json.to_string())),
    }
}

fn null(field: &Field) -> Bind {
    match field.kind {
        Kind::Integer | Kind::DateTime => Bind::Int(None),
        Kind::Boolean => Bind::Bool(None),
        Kind::Decimal => Bind::Decimal(None),
        _ => Bind::Text(None),
    }
}
