//! Lists that storefronts ask for and that are not kept here, such as the users of a store: there is never anything in
//! them.

use super::cast::truth;
use super::condition::{Filter, Test};
use super::operator::{self, Operator};
use super::scope::Tally;
use super::value::QueryValue;
use crate::content::{ID, Shape};
use crate::error::Result;

/// The list with this name, if documents of `shape` have one that is not kept.
pub(super) fn find(shape: Shape, name: &str) -> Option<&'static str> {
    let Shape::Document(content_type) = shape else { return None };
    content_type.unkept.iter().copied().find(|unkept| *unkept == name)
}

/// Conditions on what is in such a list. They are conditions on nulls: those that ask for null hold for every document,
/// all others for none, nor do their negations.
pub(super) fn filter(value: &QueryValue, tally: &mut Tally) -> Result<Filter> {
    match value {
        QueryValue::Object(members) => {
            let parts: Result<Vec<_>> = members.iter().map(|(key, value)| member(key, value, tally)).collect();
            parts.map(Filter::all)
        }
        QueryValue::List(items) => several(items, tally).map(Filter::any),
        QueryValue::Null => condition(Filter::everything(), tally),
        QueryValue::Text(_) => condition(unknown(), tally),
    }
}

/// A condition behind an attribute or an operator; whatever is no operator is an attribute of what is not kept.
fn member(key: &str, value: &QueryValue, tally: &mut Tally) -> Result<Filter> {
    let null = |is_null: bool| if is_null { Filter::everything() } else { Filter::Any(Vec::new()) };
    match (key, operator::find(key), value) {
        ("$and", _, QueryValue::List(items)) => several(items, tally).map(Filter::all),
        ("$not", _, value) => filter(value, tally).map(Filter::negated),
        (_, Some(Operator::Null(wanted)), value) => condition(null(value.text().is_none_or(truth) == wanted), tally),
        (_, Some(_), _) => condition(unknown(), tally),
        (_, None, value) => filter(value, tally),
    }
}

fn several(items: &[QueryValue], tally: &mut Tally) -> Result<Vec<Filter>> {
    items.iter().map(|item| filter(item, tally)).collect()
}

fn condition(filter: Filter, tally: &mut Tally) -> Result<Filter> {
    tally.conditions(1)?;
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
            let mut tally = Tally::new(Access::Full);
            let read = filter(asked.get("f").expect("a filter"), &mut tally).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(read, wanted, "{text}");
        }
    }
}
