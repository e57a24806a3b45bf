//! Lists that storefronts ask for and that are not kept here, such as the users of a store: there is never anything in
//! them.

use super::cast::truth;
use super::condition::{Filter, Test};
use super::operator::{self, Operator};
use super::scope::PlanContext;
use super::value::QueryValue;
use crate::content::{ID, Shape};
use crate::error::Result;

/// The list with this name, if documents of `shape` have one that is not kept.
pub(super) fn find(shape: Shape, name: &str) -> Option<&'static str> {
    let Shape::Document(content_type) = shape else { return None };
    content_type.unsupported_relations.iter().copied().find(|unsupported_relations| *unsupported_relations == name)
}

/// Conditions on what is in such a list. They are conditions on nulls: those that ask for null hold for every document,
/// all others for none, nor do their negations.
pub(super) fn filter(value: &QueryValue, context: &mut PlanContext) -> Result<Filter> {
    match value {
        QueryValue::Object(members) => {
            let parts: Result<Vec<_>> = members.iter().map(|(key, value)| member(key, value, context)).collect();
            parts.map(Filter::all)
        }
        QueryValue::List(items) => several(items, context).map(Filter::any),
        QueryValue::Null => condition(Filter::everything(), context),
        QueryValue::Text(_) => condition(unknown(), context),
    }
}

/// A condition behind an attribute or an operator; whatever is no operator is an attribute of what is not kept.
fn member(key: &str, value: &QueryValue, context: &mut PlanContext) -> Result<Filter> {
    let null = |is_null: bool| if is_null { Filter::everything() } else { Filter::Any(Vec::new()) };
    match (key, operator::find(key), value) {
        ("$and", _, QueryValue::List(items)) => several(items, context).map(Filter::all),
        ("$not", _, value) => filter(value, context).map(Filter::negated),
        (_, Some(Operator::Null(wanted)), value) => condition(null(value.text().is_none_or(truth) == wanted), context),
        (_, Some(_), _) => condition(unknown(), context),
        (_, None, value) => filter(value, context),
    }
}

fn several(items: &[QueryValue], context: &mut PlanContext) -> Result<Vec<Filter>> {
    items.iter().map(|item| filter(item, context)).collect()
}

fn condition(filter: Filter, context: &mut PlanContext) -> Result<Filter> {
    context.conditions(1)?;
    Ok(filter)
}

fn unknown() -> Filter {
    Filter::Value { field: &ID, test: Test::Unknown }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Access;
    use crate::query::parse;

    #[test]
    fn conditions_on_what_is_not_kept_are_conditions_on_nulls() {
        let (all, none) = (Filter::everything(), Filter::Any(Vec::new()));
        let not_unknown = Filter::Not(Box::new(unknown()));
        for (text, wanted) in [
            ("f[id][$eq]=7", unknown()),
            ("f[id]=7", unknown()),
            ("f=7", unknown()),
            ("f[id][$in][0]=7", unknown()),
            ("f[avatar][url][$contains]=x", unknown()),
            ("f[$not][id]=7", not_unknown),
            ("f[id][$null]=true", all.clone()),
            ("f[id][$null]=false", none.clone()),
            ("f[id][$notNull]=true", none.clone()),
            ("f[id][$notNull]=false", all.clone()),
            ("f[$or][0][id]=7&f[$or][1][id][$null]=true", Filter::Any(vec![unknown(), all])),
        ] {
            let asked = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            let mut context = PlanContext::new(Access::Full);
            let read =
                filter(asked.get("f").expect("a filter"), &mut context).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(read, wanted, "{text}");
        }
    }
}
