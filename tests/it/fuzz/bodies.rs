//! Bodies that are nearly right.

use serde_json::{Map, Value, json};
use tenon::content::{Field, Kind, Shape};

use super::choices::Choices;

/// Numbers that no binary number holds, and those at the edge of what one does.
const NUMBERS: &[&str] = &[
    "0",
    "1",
    "-1",
    "5.00",
    "0.1",
    "-0",
    "1e400",
    "-1e400",
    "1e-400",
    "1E5",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "-9223372036854775809",
    "18446744073709551616",
    "8640000000000001",
    "8640000000000000",
    "-62135596800001",
    "253402300800000",
    "1.7976931348623157e308",
    "123456789012345678901234567890.123456789012345678901234567890",
];

const TEXTS: &[&str] = &[
    "",
    "tea",
    " ",
    "1",
    "0x10",
    "1e400",
    "12.30",
    "true",
    "null",
    "a@b.co",
    "not-an-email",
    "2026-11-21",
    "2026-11-21T10:00:00.000Z",
    "2026-02-31",
    "+275760-09-13T00:00:00.001Z",
    "-271821-04-19T23:59:59Z",
    "pending",
    "Gold",
    "one_time",
    "{\"a\":1}",
    "[1",
    "\"x\"",
    "********",
    "http://a.example",
    "ftp://a.example",
    "a:b",
    "a:b:c:d",
    "A B",
    "trigger:*",
    "order_[a",
    "{open",
    "x\u{0}y",
    "ß",
    "\u{1f9d1}\u{200d}\u{1f680}",
    "\u{202e}",
    "'; --",
    "%00",
];

/// The `data` of a body for documents or items of `shape`. `known` are documentIds.
pub fn data(shape: Shape, choices: &mut Choices<'_>, known: &[String]) -> Value {
    let mut data = Map::new();
    for field in shape.fields() {
        // Most of what is required is there, so that most bodies come further than that.
        let present = if field.required { !choices.one_in(12) } else { choices.one_in(4) };
        if present {
            let value = if choices.one_in(6) { anything(choices, 3) } else { fitting(field, choices, known) };
            data.insert(field.name.to_owned(), value);
        }
    }
    if choices.one_in(8) {
        let name =
            choices.of(&["id", "documentId", "createdAt", "publishedAt", "locale", "nothing", "__proto__", "", "\0"]);
        data.insert(name.to_owned(), anything(choices, 2));
    }
    Value::Object(data)
}

/// A value of the kind that the field has, or nearly.
fn fitting(field: &Field, choices: &mut Choices<'_>, known: &[String]) -> Value {
    match field.kind {
        Kind::Integer | Kind::Decimal => number(choices),
        Kind::Boolean => choices.of(&[true, false]).into(),
        Kind::Json | Kind::Secret => anything(choices, 3),
        Kind::Enumeration(words) => choices.of(words).into(),
        Kind::Media { .. } => choices.of(&[Some(()), None]).map_or(Value::Null, |()| json!([])),
        Kind::Component { of, many } => {
            let mut items = (0..choices.below(4)).map(|_| item(Shape::Component(of), choices, known));
            if many { items.collect() } else { items.next().unwrap_or_default() }
        }
        Kind::Relation(_) => links(choices, known),
        _ if field.unique || field.required => format!("{}{}", choices.of(TEXTS), choices.below(60_000)).into(),
        _ => choices.of(TEXTS).into(),
    }
}

fn item(shape: Shape, choices: &mut Choices<'_>, known: &[String]) -> Value {
    let mut item = data(shape, choices, known);
    if choices.one_in(5) {
        item["id"] = if choices.one_in(3) { anything(choices, 1) } else { choices.below(200).into() };
    }
    if choices.one_in(20) { anything(choices, 2) } else { item }
}

fn links(choices: &mut Choices<'_>, known: &[String]) -> Value {
    let list =
        |choices: &mut Choices<'_>| -> Value { (0..choices.below(5)).map(|_| reference(choices, known)).collect() };
    match choices.below(6) {
        0 => list(choices),
        1 => json!({"set": list(choices)}),
        2 => json!({"connect": list(choices), "disconnect": list(choices)}),
        3 => json!({"connect": list(choices), "set": anything(choices, 2), "options": {"strict": false}}),
        4 => json!({"disconnect": anything(choices, 2)}),
        _ => reference(choices, known),
    }
}

fn reference(choices: &mut Choices<'_>, known: &[String]) -> Value {
    let id = |choices: &mut Choices<'_>| match choices.below(10) {
        0 => anything(choices, 1),
        1 => choices.below(50).into(),
        _ if known.is_empty() => "nothinghasthisdocumentid".into(),
        _ => known[choices.below(known.len())].as_str().into(),
    };
    let place = choices.of(&["before", "after", "start", "end", "nowhere"]);
    match choices.below(4) {
        0 => id(choices),
        1 => json!({"documentId": id(choices)}),
        2 => json!({"id": id(choices), "position": anything(choices, 1)}),
        _ => json!({"documentId": id(choices), "position": {place: id(choices)}}),
    }
}

fn number(choices: &mut Choices<'_>) -> Value {
    serde_json::from_str(choices.of(NUMBERS)).expect("a number")
}

/// Any JSON at all, up to `depth` levels; once in a while very deep.
fn anything(choices: &mut Choices<'_>, depth: usize) -> Value {
    match choices.below(if depth == 0 { 5 } else { 8 }) {
        0 => Value::Null,
        1 => choices.of(&[true, false]).into(),
        2 => number(choices),
        3 | 4 => choices.of(TEXTS).into(),
        5 => (0..choices.below(4)).map(|_| anything(choices, depth - 1)).collect(),
        6 if choices.one_in(10) => (0..choices.below(90)).fold(Value::Null, |inner, _| json!([inner])),
        _ => {
            let members = (0..choices.below(4)).map(|_| (choices.of(TEXTS).to_owned(), anything(choices, depth - 1)));
            Value::Object(members.collect())
        }
    }
}
