//! Query strings that are nearly right.

use tenon::content::{Field, Kind, Shape};

use super::choices::Choices;

/// Fields, operators, words of other parameters, places in lists, and what is none of them.
const NAMES: &[&str] = &[
    "Name",
    "$eq",
    "0",
    "PRICES",
    "stores",
    "products",
    "slug",
    "title",
    "Price",
    "extensions",
    "SEO",
    "Tag",
    "URLS",
    "id",
    "documentId",
    "createdAt",
    "publishedAt",
    "quantity",
    "usd_price",
    "active",
    "Email",
    "sync_status",
    "extra",
    "credentials",
    "key",
    "triggers",
    "run_count",
    "Logo",
    "Slides",
    "subscribers",
    "createdBy",
    "locale",
    "metaDate",
    "$ne",
    "$eqi",
    "$nei",
    "$lt",
    "$lte",
    "$gt",
    "$gte",
    "$in",
    "$notIn",
    "$between",
    "$null",
    "$notNull",
    "$contains",
    "$notContainsi",
    "$startsWith",
    "$endsWithi",
    "$and",
    "$or",
    "$not",
    "$nope",
    "populate",
    "fields",
    "sort",
    "filters",
    "on",
    "count",
    "page",
    "pageSize",
    "start",
    "limit",
    "withCount",
    "*",
    "",
    "1",
    "7",
    "100",
    "101",
    "4294967296",
    "18446744073709551616",
    "-1",
    "01",
    "__proto__",
    "constructor",
    "toString",
    "naïve",
    "名",
    "\0",
    " ",
    "Name.x",
    "stores.slug",
    "PRICES.extensions.key",
];

const PARAMETERS: &[&str] = &[
    "filters",
    "filters",
    "filters",
    "filters",
    "populate",
    "populate",
    "sort",
    "fields",
    "pagination",
    "pagination",
    "status",
    "filter",
    "_q",
    "publicationFilter",
    "hasPublishedVersion",
    "locale",
    "lookup",
    "page",
    "nothing",
    "",
];

const VALUES: &[&str] = &[
    "",
    "tea",
    "1",
    "0",
    "-1",
    "2.5",
    "true",
    "false",
    "null",
    "*",
    "draft",
    "published",
    "Name",
    "Name:desc",
    "Name:asc,slug:desc",
    "stores.slug:desc",
    "PRICES.Price",
    "PRICES.extensions",
    "id:sideways",
    "1e400",
    "-1e-400",
    "NaN",
    "Infinity",
    "-0",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775809",
    "123456789012345678901234567890.123456789012345678901234567890",
    "2026-11-21",
    "2026-02-31T25:61:00Z",
    "+275760-09-13T00:00:00.001Z",
    "-000001-01-01",
    "99999999999999999",
    "modified",
    "never-published",
    "a,b",
    ",",
    ":",
    "%",
    "_",
    "\\",
    "'",
    "\"",
    "'; DROP TABLE products; --",
    "\u{0}",
    "ß",
    "İ",
    "e\u{301}",
    "👩‍👩‍👧",
    "\u{202e}x",
    "$1",
    "?",
    "{}",
    "[]",
    "[object Object]",
    "undefined",
];

/// A query string of some parameters for documents of `shape`.
pub fn query(choices: &mut Choices<'_>, shape: Shape) -> String {
    let mut query = String::new();
    for number in 0..=choices.below(5) {
        if choices.is_over() {
            break;
        }
        if number > 0 || choices.one_in(10) {
            query.push_str(choices.of(&["&", "&", "&", "&&"]));
        }
        query.push_str(&if choices.one_in(8) { parameter(choices) } else { sensible(choices, shape) });
    }
    query
}

/// A parameter that means something, or would with another value.
fn sensible(choices: &mut Choices<'_>, shape: Shape) -> String {
    let number = choices.below(120);
    match choices.below(8) {
        0 => format!("pagination[{}]={number}", choices.of(&["page", "pageSize"])),
        1 => format!("fields[{}]={}", number % 3, path(choices, shape, 0).join(".")),
        2 => {
            format!("sort[{}]={}{}", number % 3, path(choices, shape, 2).join("."), choices.of(&["", ":desc", ":asc"]))
        }
        3 => populate(choices, shape, "populate".to_owned()),
        4 => format!("_q={}", encoded(choices.of(VALUES), choices)),
        _ => filter(choices, shape, "filters".to_owned()),
    }
}

fn filter(choices: &mut Choices<'_>, shape: Shape, mut name: String) -> String {
    if choices.one_in(4) {
        name.push_str(choices.of(&["[$and][0]", "[$or][0]", "[$or][1]", "[$not]", "[$and][0][$or][1]"]));
    }
    for step in path(choices, shape, 3) {
        name.push_str(&format!("[{step}]"));
    }
    name.push_str(choices.of(&["", "", "", "[$not]"]));
    let operators = &NAMES[NAMES.iter().position(|name| *name == "$ne").unwrap_or_default()..];
    name.push_str(&format!("[{}]", if choices.one_in(12) { choices.of(NAMES) } else { operators[choices.below(16)] }));
    name.push_str(choices.of(&["", "", "[0]", "[]"]));
    format!("{}={}", encoded(&name, choices), encoded(choices.of(VALUES), choices))
}

fn populate(choices: &mut Choices<'_>, shape: Shape, mut name: String) -> String {
    let mut at = shape;
    if let fields @ [_, ..] = leading(shape).as_slice() {
        let field = choices.of(fields);
        name.push_str(&format!("[{}]", field.name));
        at = target(field).unwrap_or(at);
    }
    match choices.below(6) {
        0 if name.len() < 90 => populate(choices, at, format!("{name}[populate]")),
        1 => filter(choices, at, format!("{name}[filters]")),
        2 => format!("{name}[fields][0]={}", path(choices, at, 0).join(".")),
        3 => format!("{name}[sort]={}", path(choices, at, 1).join(".")),
        4 => format!("{name}[count]=true"),
        _ => format!("{name}=true"),
    }
}

/// The names on the way to a field with a value, through at most `depth` components and relations.
fn path(choices: &mut Choices<'_>, shape: Shape, depth: usize) -> Vec<&'static str> {
    let through = if depth > 0 && choices.one_in(2) { leading(shape) } else { Vec::new() };
    if through.is_empty() {
        let columns: Vec<_> = shape.scalars().collect();
        return vec![choices.of(&columns).name];
    }
    let field = choices.of(&through);
    let rest = target(field).map(|below| path(choices, below, depth - 1)).unwrap_or_default();
    [vec![field.name], rest].concat()
}

/// The fields that lead to other rows.
fn leading(shape: Shape) -> Vec<&'static Field> {
    shape.fields().iter().filter(|field| target(field).is_some()).collect()
}

fn target(field: &Field) -> Option<Shape> {
    match field.kind {
        Kind::Component { of, .. } => Some(Shape::Component(of)),
        Kind::Relation(relation) => Some(Shape::Document(relation.target)),
        _ => None,
    }
}

/// A parameter of any words in any order.
fn parameter(choices: &mut Choices<'_>) -> String {
    let mut name = choices.of(PARAMETERS).to_owned();
    let depth = if choices.one_in(40) { 30 } else { choices.below(6) };
    for _ in 0..depth {
        match choices.below(24) {
            0 => name.push('['),
            1 => name.push(']'),
            2 => name.push_str("[]"),
            3 => name.push_str(choices.of(&["[[", "]]", "x", ".", "=", "[a[b]"])),
            _ => name.push_str(&format!("[{}]", choices.of(NAMES))),
        }
    }
    let value = match choices.below(8) {
        0 => return encoded(&name, choices),
        1 => choices.of(NAMES).to_owned(),
        2 if choices.one_in(8) => "long ".repeat(choices.below(2000)),
        _ => choices.of(VALUES).to_owned(),
    };
    let one = format!("{}={}", encoded(&name, choices), encoded(&value, choices));
    // The same again, sometimes more often than a list may be long.
    let times = if choices.one_in(30) && one.len() < 200 { 103 } else { 1 };
    vec![one; times].join("&")
}

/// The text as it may stand in a query string: encoded in full, only where it must be, or wrongly.
fn encoded(text: &str, choices: &mut Choices<'_>) -> String {
    let all = choices.one_in(3);
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b'.' | b'*' => encoded.push(char::from(byte)),
            b'[' | b']' | b'$' | b',' | b':' if !all => encoded.push(char::from(byte)),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    if choices.one_in(40) {
        encoded.push_str(choices.of(&["%", "%zz", "%E0%A4%A", "%00", "+", "%C3", "%ff"]));
    }
    encoded
}
