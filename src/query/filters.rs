//! The parameter `filters`: from names, operators and values to a [`Filter`].

use super::condition::{Comparison, Filter};
use super::operator::{self, Operator};
use super::scope::{PlanContext, Scope};
use super::unsupported_relations;
use super::value::QueryValue;
use crate::content::{Field, ID, Kind};
use crate::error::{Error, Result};

/// Reads filters on documents of the scope's type.
///
/// Fails when a name is not known there or not for this caller to see, when an operator is not known, when a value does
/// not fit its column, and when there are too many conditions.
pub(super) fn read(scope: &Scope, asked: &QueryValue, context: &mut PlanContext) -> Result<Filter> {
    match asked {
        QueryValue::Object(members) => object(scope, members, context),
        QueryValue::List(_) => Err(scope.unusable(&["0"], "is not an attribute: the filters are an object")),
        _ => Err(Error::Validation("The filters parameter must be an object or an array".into())),
    }
}

/// Every member is a condition; all of them must hold.
fn object(scope: &Scope, members: &[(String, QueryValue)], context: &mut PlanContext) -> Result<Filter> {
    let parts: Result<Vec<_>> = members.iter().map(|(key, value)| member(scope, key, value, context)).collect();
    parts.map(Filter::all)
}

fn member(scope: &Scope, key: &str, value: &QueryValue, context: &mut PlanContext) -> Result<Filter> {
    match key {
        "$and" => Ok(Filter::all(several(scope, key, value, context)?)),
        "$or" => Ok(Filter::any(several(scope, key, value, context)?)),
        "$not" => match value {
            QueryValue::Object(members) => Ok(object(scope, members, context)?.negated()),
            _ => Err(scope.unusable(&[key], "negates an object of conditions")),
        },
        key if operator::find(key).is_some() => Err(scope.unusable(&[key], "stands behind an attribute")),
        key => attribute(scope, key, value, context),
    }
}

fn several(scope: &Scope, key: &str, value: &QueryValue, context: &mut PlanContext) -> Result<Vec<Filter>> {
    let refused = || scope.unusable(&[key], "takes a list of conditions, such as [0] and [1]");
    let QueryValue::List(items) = value else { return Err(refused()) };
    let mut read = |item: &QueryValue| match item {
        QueryValue::Object(members) => object(scope, members, context),
        _ => Err(refused()),
    };
    items.iter().map(&mut read).collect()
}

fn attribute(scope: &Scope, name: &str, value: &QueryValue, context: &mut PlanContext) -> Result<Filter> {
    if let Some(field) = scope.shape.find_column(name) {
        if matches!(field.kind, Kind::Secret) {
            return Err(scope.refused(name));
        }
        return column(&scope.below(field), field, value, context);
    }
    if let Some(name) = unsupported_relations::find(scope.shape, name) {
        context.warn(&[scope.param, name], "is not kept here: there is nothing in it that could meet a filter");
        return unsupported_relations::filter(value, context);
    }
    let Some(field) = scope.shape.find_field(name) else { return Err(scope.missing(name)) };
    if matches!(field.kind, Kind::Media { .. }) {
        return media(scope, field, value);
    }
    if !context.may_follow(field) {
        return Err(scope.refused(name));
    }
    scope.check_depth()?;
    let filter = Box::new(through(&scope.below(field), value, context)?);
    Ok(Filter::Through { field, filter })
}

/// Conditions on the items of a component or on linked documents. Operators of their own compare the number of the row.
fn through(scope: &Scope, value: &QueryValue, context: &mut PlanContext) -> Result<Filter> {
    let QueryValue::Object(members) = value else { return column(scope, &ID, value, context) };
    let compares = |(key, _): &&(String, QueryValue)| operator::find(key).is_some();
    match members.iter().filter(compares).count() {
        0 => object(scope, members, context),
        all if all == members.len() => column(scope, &ID, value, context),
        _ => Err(scope.unusable(&[], "is compared itself and by its attributes at once: use $and")),
    }
}

/// Conditions on one column: a value, any of several values, or operators, all of which must hold.
fn column(scope: &Scope, field: &'static Field, value: &QueryValue, context: &mut PlanContext) -> Result<Filter> {
    let unusable = |keys: &[&str], fault| scope.unusable(keys, fault);
    match value {
        QueryValue::Object(members) => {
            let parts: Result<Vec<_>> =
                members.iter().map(|(key, value)| operation(scope, field, (key, value), context)).collect();
            parts.map(Filter::all)
        }
        QueryValue::List(values) => {
            let parts: Result<Vec<_>> = values.iter().map(|value| column(scope, field, value, context)).collect();
            parts.map(Filter::any)
        }
        value => {
            context.conditions(1)?;
            operator::apply(Operator::Compare(Comparison::Eq), field, value).map_err(|fault| unusable(&[], fault))
        }
    }
}

fn operation(
    scope: &Scope,
    field: &'static Field,
    (key, value): (&str, &QueryValue),
    context: &mut PlanContext,
) -> Result<Filter> {
    if ["$and", "$or"].contains(&key) {
        return Err(scope.unusable(&[key], "stands before an attribute, not behind it"));
    }
    let operator = operator::find(key).ok_or_else(|| scope.unknown(key))?;
    match (operator, value) {
        (Operator::Not, value @ QueryValue::Object(_)) => Ok(column(scope, field, value, context)?.negated()),
        (operator, value) => {
            context.conditions(operator.conditions(value))?;
            operator::apply(operator, field, value).map_err(|fault| scope.unusable(&[key], fault))
        }
    }
}

/// There are no files yet, so every media field is empty.
fn media(scope: &Scope, field: &'static Field, value: &QueryValue) -> Result<Filter> {
    let [(key, value)] = value.members() else { return Err(scope.refused(field.name)) };
    let null = operator::find(key).and_then(|operator| operator::apply(operator, &ID, value).ok());
    match null.and_then(|filter| filter.holds_for_nothing()) {
        Some(true) => Ok(Filter::everything()),
        Some(false) => Ok(Filter::Any(Vec::new())),
        None => Err(scope.refused(field.name)),
    }
}
