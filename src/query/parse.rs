//! From the text of a query string to a tree of values. Syntax only: what the names mean is for the plan.
//!
//! The rules are those of `qs` 6 as Strapi sets it (strict nulls, lists of 100, depth 20), which no maintained crate has.
//! Two things differ, since a filter that goes missing widens the answer: what `qs` would drop or turn from a list into
//! an object is refused here, and the names of JavaScript's own methods are names like any other.

use std::collections::HashMap;

use super::tree::{Node, insert};
use super::value::QueryValue;
use crate::error::{Error, Result};
use crate::limits::{LIST, PARAMETERS};

/// How many brackets deep a parameter's name is read; the rest of it is one name.
const DEPTH: usize = 20;

/// Parses a query string (without the `?`) into an object.
///
/// Fails when there are too many parameters, when a list is too long, or when a value has the character U+0000, which
/// PostgreSQL cannot hold. The message names the parameter. In a name it stays: no name that is known has it.
pub fn parse(text: &str) -> Result<QueryValue> {
    let mut root = Vec::new();
    for (key, values) in parameters(text)? {
        let Some((name, segments)) = split(&key) else { continue };
        insert(&mut root, name.to_owned(), grow(&segments, values).ok_or_else(|| too_long(name))?);
    }
    if let Some((name, _)) = root.iter().find(|(_, value)| value.longest_list() > LIST.most) {
        return Err(too_long(name));
    }
    Ok(Node::Object(root).finish())
}

fn too_long(name: &str) -> Error {
    LIST.exceeded(format_args!("The {name} parameter has a list of"))
}

/// The decoded parameters, those of the same name together, in the order in which their names first came.
fn parameters(text: &str) -> Result<Vec<(String, Vec<Option<String>>)>> {
    let mut found: Vec<(String, Vec<Option<String>>)> = Vec::new();
    let mut places = HashMap::new();
    for (count, part) in text.split('&').filter(|part| !part.is_empty()).enumerate() {
        PARAMETERS.check(count + 1, "The query string has")?;
        let (key, value) = pair(part);
        if value.as_ref().is_some_and(|value| value.contains('\0')) {
            let name = key.split('[').next().unwrap_or_default();
            return Err(Error::Validation(format!("The {name} parameter has the character U+0000")));
        }
        match places.get(&key) {
            Some(place) => {
                let (_, values): &mut (String, Vec<_>) = &mut found[*place];
                values.push(value);
            }
            None => {
                places.insert(key.clone(), found.len());
                found.push((key, vec![value]));
            }
        }
    }
    Ok(found)
}

/// `key=value`, decoded. A name with brackets ends at `]=`, so that it may have `=` in it.
fn pair(part: &str) -> (String, Option<String>) {
    let part = part.replace("%5B", "[").replace("%5b", "[").replace("%5D", "]").replace("%5d", "]");
    match part.find("]=").map(|place| place + 1).or_else(|| part.find('=')) {
        Some(place) => (decode(&part[..place]), Some(decode(&part[place + 1..]))),
        None => (decode(&part), None),
    }
}

/// Percent-encoding and `+` undone. What is encoded wrongly stays as it is.
fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    if !spaced.contains('%') {
        return spaced;
    }
    let mut bytes = Vec::with_capacity(spaced.len());
    let mut rest = spaced.as_bytes();
    while let [first, tail @ ..] = rest {
        let hexadecimal = |digit: u8| char::from(digit).to_digit(16);
        match (first, tail) {
            (b'%', [high, low, after @ ..]) => {
                let (Some(high), Some(low)) = (hexadecimal(*high), hexadecimal(*low)) else { return spaced };
                bytes.push((high << 4 | low) as u8);
                rest = after;
            }
            (b'%', _) => return spaced,
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).unwrap_or(spaced)
}

/// `a[b][c]` as `a` and `["b", "c"]`. Brackets within brackets belong to the name: `a[b[c]]` is `a` and `b[c]`. What follows
/// a bracket that is never closed is one name, with the bracket: `a[b` is `a` and `[b`. Text between and behind the
/// brackets is ignored; `None` without any name.
fn split(key: &str) -> Option<(&str, Vec<&str>)> {
    let first = key.find('[');
    let name = &key[..first.unwrap_or(key.len())];
    let (mut segments, mut next) = (Vec::new(), first);
    while let Some(open) = next {
        match find_close(key, open).filter(|_| segments.len() < DEPTH) {
            Some(close) => {
                segments.push(&key[open + 1..close]);
                next = key[close..].find('[').map(|place| close + place);
            }
            None => {
                segments.push(&key[open..]);
                next = None;
            }
        }
    }
    match name {
        "" if segments.is_empty() => None,
        "" => Some((segments.remove(0), segments)),
        name => Some((name, segments)),
    }
}

/// Where the bracket that opens at `open` is closed.
fn find_close(key: &str, open: usize) -> Option<usize> {
    let mut level = 0_usize;
    key.bytes().enumerate().skip(open).find_map(|(place, byte)| {
        match byte {
            b'[' => level += 1,
            b']' => level -= 1,
            _ => {}
        }
        (level == 0).then_some(place)
    })
}

/// The value that a parameter with these segments stands for; `None` when a place in a list is too high.
fn grow(segments: &[&str], values: Vec<Option<String>>) -> Option<Node> {
    let mut leaves = values.into_iter().map(|text| Some(Node::Leaf(text))).collect::<Vec<_>>();
    let mut node = match leaves.as_mut_slice() {
        [one] => one.take()?,
        _ => Node::List(leaves),
    };
    for segment in segments.iter().rev() {
        node = match segment.parse::<usize>() {
            Ok(place) if place.to_string() == **segment => {
                if place > LIST.most {
                    return None;
                }
                Node::list_with(place, node)
            }
            _ if segment.is_empty() => match node {
                list @ Node::List(_) => list,
                item => Node::List(vec![Some(item)]),
            },
            _ => Node::Object(vec![((*segment).to_owned(), node)]),
        };
    }
    Some(node)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Short notation for expected values: JSON in which null is a key without `=`.
    fn json(value: &QueryValue) -> serde_json::Value {
        match value {
            QueryValue::Null => serde_json::Value::Null,
            QueryValue::Text(text) => text.as_str().into(),
            QueryValue::List(items) => items.iter().map(json).collect(),
            QueryValue::Object(members) => {
                members.iter().map(|(key, value)| (key.clone(), json(value))).collect::<serde_json::Map<_, _>>().into()
            }
        }
    }

    #[test]
    fn query_strings_are_read_as_qs_reads_them() {
        for (text, wanted) in [
            ("", "{}"),
            ("&&&", "{}"),
            ("=x&[]=", r#"{"":""}"#),
            ("a=b&c", r#"{"a":"b","c":null}"#),
            ("&status=draft", r#"{"status":"draft"}"#),
            ("a=1+2%203", r#"{"a":"1 2 3"}"#),
            ("a=%E0%A4%A", r#"{"a":"%E0%A4%A"}"#),
            ("a=%zz+%", r#"{"a":"%zz %"}"#),
            ("a=b;c=d", r#"{"a":"b;c=d"}"#),
            ("a=b=c", r#"{"a":"b=c"}"#),
            ("a[b=c]=d", r#"{"a":{"b=c":"d"}}"#),
            ("a%5Bb%5D%5B%24eq%5D=c", r#"{"a":{"b":{"$eq":"c"}}}"#),
            ("a[b][c]=1&a[b][d]=2", r#"{"a":{"b":{"c":"1","d":"2"}}}"#),
            ("a[]=1&a[]=2", r#"{"a":["1","2"]}"#),
            ("a=1&a=2&a=3", r#"{"a":["1","2","3"]}"#),
            ("a[5]=x&a[2]=y", r#"{"a":["y","x"]}"#),
            ("a[0]=x&a[b]=y", r#"{"a":{"0":"x","b":"y"}}"#),
            ("a[0][b]=1&a[0][c]=2&a[1][b]=3", r#"{"a":[{"b":"1","c":"2"},{"b":"3"}]}"#),
            ("a=1&a[b]=2", r#"{"a":["1",{"b":"2"}]}"#),
            ("a[b]=1&a=c", r#"{"a":{"b":"1","c":"true"}}"#),
            ("a[]=1&a=2", r#"{"a":["1","2"]}"#),
            ("p=SEO&p[1]=SEO.image&p=Logo", r#"{"p":["SEO","Logo","SEO.image"]}"#),
            ("p=a&p[0]=b", r#"{"p":["a","b"]}"#),
            ("a.b=c", r#"{"a.b":"c"}"#),
            ("a[b", r#"{"a":{"[b":null}}"#),
            ("a[b=c", r#"{"a":{"[b":"c"}}"#),
            ("a[b][c=d", r#"{"a":{"b":{"[c":"d"}}}"#),
            ("a[b[c]]=d", r#"{"a":{"b[c]":"d"}}"#),
            ("a[[]b=c", r#"{"a":{"[[]b":"c"}}"#),
            ("a]b=c", r#"{"a]b":"c"}"#),
            ("[a=b", r#"{"[a":"b"}"#),
            ("a[b%00c]=d", r#"{"a":{"b\u0000c":"d"}}"#),
            ("a%255Bb%255D=c", r#"{"a%5Bb%5D":"c"}"#),
            ("a[b]x[c]y=d", r#"{"a":{"b":{"c":"d"}}}"#),
            ("a[01]=x", r#"{"a":{"01":"x"}}"#),
            ("[a]=x", r#"{"a":"x"}"#),
            ("a[constructor]=1", r#"{"a":{"constructor":"1"}}"#),
        ] {
            let parsed = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(json(&parsed).to_string(), wanted, "{text}");
        }
    }

    #[test]
    fn names_deeper_than_the_limit_end_in_one_name() {
        let Ok(mut value) = parse(&format!("f{}[x]=1", "[n]".repeat(21))) else { panic!("parses") };
        let mut names = Vec::new();
        while let QueryValue::Object(mut members) = value {
            let (name, inner) = members.remove(0);
            names.push(name);
            value = inner;
        }
        assert_eq!((names.len(), names[21].as_str()), (22, "[n][x]"));
    }

    #[test]
    fn what_is_too_much_is_refused_by_name() {
        let many = (0..=LIST.most).map(|_| "ids[]=1".to_owned()).collect::<Vec<_>>().join("&");
        for (text, part) in [
            ("filters[x][$in][101]=1", "filters parameter has a list of more than 100"),
            (&many, "ids parameter has a list"),
            (&"ids=1&".repeat(LIST.most + 1), "ids parameter has a list"),
            (&"a=1&".repeat(PARAMETERS.most + 1), "more than 1000 parameters"),
            ("filters[x]=a%00b", "filters parameter has the character"),
        ] {
            let Err(error) = parse(text) else { panic!("{text} is refused") };
            assert!(error.to_string().contains(part), "{error}");
        }
        assert!(parse("a[100]=1").is_ok());
    }
}
