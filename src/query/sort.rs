//! The parameter `sort`, in its spellings: `Name:desc,slug`, a list of these, `[Name]=desc`, and paths through
//! relations and components as `stores.title` or `[stores][title]`.

use super::scope::{PlanContext, Scope};
use super::value::QueryValue;
use crate::content::{Field, Kind};
use crate::error::{Error, Result};

/// One of the things that rows are ordered by.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    /// The components and relations that lead to it; of several items or documents the one that comes first counts.
    pub through: Vec<&'static Field>,
    /// The column.
    pub field: &'static Field,
    /// Whether the greatest comes first. Nulls stand at the great end.
    pub descending: bool,
}

impl Order {
    /// Whether an index has the rows in this order.
    pub fn is_indexed(&self) -> bool {
        self.through.is_empty() && self.field.indexed
    }
}

/// Reads an order; names that are empty are skipped.
///
/// Fails when a name is not known or not for this caller, or a direction is neither asc nor desc.
pub(super) fn read(scope: &Scope, asked: &QueryValue, context: &mut PlanContext) -> Result<Vec<Order>> {
    let mut orders = Vec::new();
    collect(scope, asked, context, &mut orders)?;
    Ok(orders)
}

fn collect(scope: &Scope, asked: &QueryValue, context: &mut PlanContext, orders: &mut Vec<Order>) -> Result<()> {
    match asked {
        QueryValue::Null => {}
        QueryValue::Text(text) => {
            for part in text.split(',') {
                let (names, direction) = part.split_once(':').unwrap_or((part, "asc"));
                let names: Vec<_> = names.trim().split('.').filter(|name| !name.is_empty()).collect();
                if !names.is_empty() {
                    orders.push(order(scope, &names, descending(direction)?, context)?);
                }
            }
        }
        QueryValue::List(items) => items.iter().try_for_each(|item| collect(scope, item, context, orders))?,
        QueryValue::Object(members) => {
            for (name, value) in members {
                by_member(scope, &mut vec![name.as_str()], value, context, orders)?;
            }
        }
    }
    Ok(())
}

/// `[stores][title]=desc`: the names are the keys, the direction is the value.
fn by_member<'a>(
    scope: &Scope,
    names: &mut Vec<&'a str>,
    value: &'a QueryValue,
    context: &mut PlanContext,
    orders: &mut Vec<Order>,
) -> Result<()> {
    if let QueryValue::Object(members) = value {
        for (name, value) in members {
            names.push(name);
            by_member(scope, names, value, context, orders)?;
            names.pop();
        }
        return Ok(());
    }
    let direction = descending(value.text().unwrap_or_default())?;
    orders.push(order(scope, names, direction, context)?);
    Ok(())
}

fn descending(direction: &str) -> Result<bool> {
    match direction.trim().to_ascii_lowercase().as_str() {
        "asc" => Ok(false),
        "desc" => Ok(true),
        _ => Err(Error::Validation("Invalid order. order can only be one of asc|desc|ASC|DESC".into())),
    }
}

fn order(scope: &Scope, names: &[&str], descending: bool, context: &mut PlanContext) -> Result<Order> {
    context.conditions(1)?;
    let (mut scope, mut through) = (scope.clone(), Vec::new());
    for (place, name) in names.iter().enumerate() {
        let is_last = place + 1 == names.len();
        if let Some(field) = scope.shape.find_column(name) {
            return match field.kind {
                Kind::Secret => Err(scope.refused(name)),
                _ if is_last => Ok(Order { through, field, descending }),
                _ => Err(scope.below(field).unknown(names[place + 1])),
            };
        }
        let field = scope.shape.find_field(name).ok_or_else(|| scope.missing(name))?;
        if is_last || matches!(field.kind, Kind::Media { .. }) || !context.may_follow(field) {
            return Err(scope.refused(name));
        }
        scope.check_depth()?;
        scope = scope.below(field);
        through.push(field);
    }
    Err(scope.unknown(""))
}
