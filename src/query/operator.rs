//! The operators of filters, and the test that each makes of a value.

use super::cast::{Fault, compare, operands, truth};
use super::condition::{Comparison, Filter, Place, Test, TextTest};
use super::value::QueryValue;
use crate::content::{Field, Kind};

/// What an operator does with its value.
#[derive(Clone, Copy)]
pub(super) enum Operator {
    /// Compares with one value.
    Compare(Comparison),
    /// Compares with several values at once: is one of them, or (false) none of them.
    List(bool),
    /// Lies between two values, both included.
    Between,
    /// Is null if the value is true, or (false) is not null.
    Null(bool),
    /// Looks for a text.
    Text { place: Place, fold: bool, negated: bool },
    /// Negates what follows it.
    Not,
}

impl Operator {
    /// How many conditions it makes of `value`.
    pub fn conditions(self, value: &QueryValue) -> usize {
        match (self, value) {
            (Self::List(_), _) => 1,
            (_, QueryValue::List(values)) => values.len(),
            _ => 1,
        }
    }
}

/// The operators by their names on the wire.
const OPERATORS: [(&str, Operator); 22] = [
    ("$eq", Operator::Compare(Comparison::Eq)),
    ("$ne", Operator::Compare(Comparison::Ne)),
    ("$lt", Operator::Compare(Comparison::Lt)),
    ("$lte", Operator::Compare(Comparison::Lte)),
    ("$gt", Operator::Compare(Comparison::Gt)),
    ("$gte", Operator::Compare(Comparison::Gte)),
    ("$in", Operator::List(true)),
    ("$notIn", Operator::List(false)),
    ("$between", Operator::Between),
    ("$null", Operator::Null(true)),
    ("$notNull", Operator::Null(false)),
    ("$eqi", text(Place::Whole, true, false)),
    ("$nei", text(Place::Whole, true, true)),
    ("$contains", text(Place::Anywhere, false, false)),
    ("$notContains", text(Place::Anywhere, false, true)),
    ("$containsi", text(Place::Anywhere, true, false)),
    ("$notContainsi", text(Place::Anywhere, true, true)),
    ("$startsWith", text(Place::Start, false, false)),
    ("$startsWithi", text(Place::Start, true, false)),
    ("$endsWith", text(Place::End, false, false)),
    ("$endsWithi", text(Place::End, true, false)),
    ("$not", Operator::Not),
];

const fn text(place: Place, fold: bool, negated: bool) -> Operator {
    Operator::Text { place, fold, negated }
}

/// The names of all operators.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    OPERATORS.iter().map(|(name, _)| *name)
}

/// The operator with this name on the wire.
pub(super) fn find(name: &str) -> Option<Operator> {
    OPERATORS.iter().find(|(known, _)| *known == name).map(|(_, operator)| *operator)
}

/// The filter that `operator` makes of one column and a value, which is not an object.
///
/// A list of values means any of them, save for the operators that take lists.
pub(super) fn apply(operator: Operator, field: &'static Field, value: &QueryValue) -> Result<Filter, Fault> {
    let test = match (operator, value) {
        (Operator::Not, value) => return Ok(apply(Operator::Compare(Comparison::Eq), field, value)?.negated()),
        (Operator::Null(wanted), value) => {
            let is = wanted == is_true(value);
            if is { Test::Null } else { Test::NotNull }
        }
        (Operator::Between, value) => return between(field, value),
        (Operator::List(within), value) => return one_of(field, value, within),
        (operator, QueryValue::List(values)) => {
            return values.iter().map(|value| apply(operator, field, value)).collect::<Result<_, _>>().map(Filter::any);
        }
        (operator, QueryValue::Null) => of_null(operator),
        (Operator::Compare(comparison), QueryValue::Text(text)) => compare(field, comparison, text)?,
        (Operator::Text { place, fold, negated }, QueryValue::Text(text)) => {
            let text = text.clone();
            matched(field, TextTest { place, text, fold, negated })
        }
        (_, QueryValue::Object(_)) => return Err("is compared with a value"),
    };
    Ok(Filter::Value { field, test })
}

/// Moments and truth values have no text that a caller would know.
fn matched(field: &Field, test: TextTest) -> Test {
    match field.kind {
        Kind::DateTime | Kind::Boolean => Test::Unknown,
        _ => Test::Text(test),
    }
}

fn of_null(operator: Operator) -> Test {
    match operator {
        Operator::Compare(Comparison::Eq) | Operator::Text { place: Place::Whole, negated: false, .. } => Test::Null,
        Operator::Compare(Comparison::Ne) | Operator::Text { place: Place::Whole, negated: true, .. } => Test::NotNull,
        _ => Test::Unknown,
    }
}

fn is_true(value: &QueryValue) -> bool {
    match value {
        QueryValue::Null => false,
        QueryValue::Text(text) => truth(text),
        QueryValue::List(_) | QueryValue::Object(_) => true,
    }
}

fn between(field: &'static Field, value: &QueryValue) -> Result<Filter, Fault> {
    let ends = match value {
        QueryValue::List(values) => values.iter().map(QueryValue::text).collect::<Option<Vec<_>>>(),
        _ => None,
    };
    let Some([low, high]) = ends.as_deref() else { return Err("takes two values, such as [$between][0] and [1]") };
    let tests = [compare(field, Comparison::Gte, low)?, compare(field, Comparison::Lte, high)?];
    Ok(Filter::All(tests.into_iter().map(|test| Filter::Value { field, test }).collect()))
}

fn one_of<'a>(field: &'static Field, value: &'a QueryValue, within: bool) -> Result<Filter, Fault> {
    let texts = match value {
        QueryValue::Text(text) => vec![text.as_str()],
        QueryValue::Null => Vec::new(),
        QueryValue::List(values) => {
            let read = |value: &'a QueryValue| match value {
                QueryValue::Text(text) => Ok(Some(text.as_str())),
                QueryValue::Null => Ok(None),
                _ => Err("takes plain values"),
            };
            values.iter().filter_map(|value| read(value).transpose()).collect::<Result<_, _>>()?
        }
        QueryValue::Object(_) => return Err("takes a list of values"),
    };
    if matches!(field.kind, Kind::Boolean) {
        let comparison = if within { Comparison::Eq } else { Comparison::Ne };
        let tests = texts.iter().map(|text| Ok(Filter::Value { field, test: compare(field, comparison, text)? }));
        let tests = tests.collect::<Result<Vec<_>, Fault>>()?;
        return Ok(if within { Filter::any(tests) } else { Filter::all(tests) });
    }
    let values = operands(field, &texts)?;
    let test = if within { Test::OneOf(values) } else { Test::NoneOf(values) };
    Ok(Filter::Value { field, test })
}
