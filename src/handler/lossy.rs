//! Reads JSON as services send it, whichever characters of it cannot be read: U+FFFD stands for each of those. What was
//! signed is the service's own, and to refuse it for one letter would lose the rest.

use serde_json::Value;

use crate::nesting::{self, LEVELS, cut};

/// The JSON in `bytes`, with null for what nests deeper than may be kept; `None` when it is no JSON for other reasons than
/// its characters.
pub(super) fn read(bytes: &[u8]) -> Option<Value> {
    read_text(&mended(bytes))
}

/// The items of the array in `bytes`, each read by itself: of one that is no JSON, its text in the member `unreadable`.
/// `None` when it is no array whose items can be told apart.
pub(super) fn read_items(bytes: &[u8]) -> Option<Vec<Value>> {
    let text = mended(bytes);
    let item = |text: &str| read_text(text).unwrap_or_else(|| serde_json::json!({"unreadable": text.trim()}));
    Some(items(&text)?.into_iter().map(item).collect())
}

fn read_text(text: &str) -> Option<Value> {
    nesting::read(&*cut(text, LEVELS)).ok()
}

/// JSON text in which every string can be read: without bytes that are no UTF-8, halves of surrogate pairs, U+0000, control
/// characters, and escapes that JSON does not have.
fn mended(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes));
    let (mut mended, mut rest, mut in_string) = (String::with_capacity(text.len()), &*text, false);
    while let Some(letter) = rest.chars().next() {
        let mut length = letter.len_utf8();
        match letter {
            '\\' if in_string => length = push_escape(rest, &mut mended),
            letter if in_string && letter < ' ' => match letter {
                '\0' => mended.push(char::REPLACEMENT_CHARACTER),
                control => mended.push_str(&format!("\\u{:04x}", u32::from(control))),
            },
            letter => {
                in_string ^= letter == '"';
                mended.push(letter);
            }
        }
        rest = &rest[length..];
    }
    mended
}

/// Pushes the escape that `text` begins with, or what can be read of it; returns its length.
fn push_escape(text: &str, mended: &mut String) -> usize {
    let unit = |text: &str| u16::from_str_radix(text.strip_prefix("\\u")?.get(..4)?, 16).ok();
    let length = match (text.as_bytes().get(1), unit(text)) {
        (Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't'), _) => 2,
        (Some(b'u'), Some(0xd800..0xdc00)) => match text.get(6..).and_then(unit) {
            Some(0xdc00..0xe000) => 12,
            _ => return replace(6, mended),
        },
        (Some(b'u'), Some(0 | 0xdc00..0xe000)) => return replace(6, mended),
        (Some(b'u'), Some(_)) => 6,
        (Some(b'u'), None) => {
            return replace(2 + text[2..].bytes().take(4).take_while(u8::is_ascii_hexdigit).count(), mended);
        }
        _ => {
            // A backslash that escapes nothing stands for itself.
            mended.push_str("\\\\");
            return 1;
        }
    };
    mended.push_str(&text[..length]);
    length
}

fn replace(length: usize, mended: &mut String) -> usize {
    mended.push(char::REPLACEMENT_CHARACTER);
    length
}

/// The texts of the items of an array; `None` when `text` is none, or its brackets do not fit.
fn items(text: &str) -> Option<Vec<&str>> {
    let inner = text.trim().strip_prefix('[')?.strip_suffix(']')?;
    let (mut found, mut start, mut depth, mut in_string, mut escaped) = (Vec::new(), 0, 0_usize, false, false);
    for (place, byte) in inner.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'[' | b'{' => depth += 1,
            b']' | b'}' => depth = depth.checked_sub(1)?,
            b',' if depth == 0 => {
                found.push(&inner[start..place]);
                start = place + 1;
            }
            _ => {}
        }
    }
    if depth > 0 || in_string {
        return None;
    }
    let last = &inner[start..];
    if !found.is_empty() || !last.trim().is_empty() {
        found.push(last);
    }
    Some(found)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_character_spoils_nothing() {
        for (sent, expected) in [
            (&br#"{"a":"cut \ud83d"}"#[..], json!({"a": "cut \u{fffd}"})),
            (br#"{"a":"\ude00 \ud83d\ud83d\ude00 \uD83Dx"}"#, json!({"a": "\u{fffd} \u{fffd}😀 \u{fffd}x"})),
            (b"{\"a\":\"caf\xe9\"}", json!({"a": "caf\u{fffd}"})),
            (b"{\"a\":\"\xf0\x9f\x98\"}", json!({"a": "\u{fffd}"})),
            (b"{\"caf\xe9\":\"\\ud83d\",\"b\":1}", json!({"caf\u{fffd}": "\u{fffd}", "b": 1})),
            (b"{\"a\":\"x\0y\\u0000\"}", json!({"a": "x\u{fffd}y\u{fffd}"})),
            (b"{\"a\":\"line\nbreak\tand\x01\"}", json!({"a": "line\nbreak\tand\u{1}"})),
            (br#"{"a":"\x41 \' \u12 \u"}"#, json!({"a": "\\x41 \\' \u{fffd} \u{fffd}"})),
            (br#"{"a":"\\ud83d \" \\"}"#, json!({"a": "\\ud83d \" \\"})),
            (b"\xef\xbb\xbf{\"a\":1}", json!({"a": 1})),
            (br#"{"a": "\ud83d\ude00 \u00e9"}"#, json!({"a": "😀 é"})),
        ] {
            assert_eq!(read(sent), Some(expected), "{}", String::from_utf8_lossy(sent));
        }
        for sent in [&b"{"[..], b"", b"[1", b"{\"a\":\"", b"{\"a\":\"\\", b"{\"a\":\"\\u", b"hello"] {
            assert_eq!(read(sent), None, "{}", String::from_utf8_lossy(sent));
        }
    }

    #[test]
    fn what_nests_too_deep_is_left_out() {
        let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        for levels in [LEVELS, LEVELS + 1, 10_000] {
            let read = read(format!(r#"{{"a":1,"b":{}}}"#, nested(levels)).as_bytes());
            assert!(
                read.is_some_and(|value| value["a"] == 1 && crate::nesting::check_value(&value).is_ok()),
                "{levels}"
            );
        }
    }

    #[test]
    fn each_item_is_read_by_itself() {
        for (sent, expected) in [
            ("[]", Some(json!([]))),
            (" [1, {\"a\": [2, 3]}, \"x,]\"]\r\n", Some(json!([1, {"a": [2, 3]}, "x,]"]))),
            (r#"[{"a": NaN}, {"b": 1}]"#, Some(json!([{"unreadable": r#"{"a": NaN}"#}, {"b": 1}]))),
            ("[{}, {]", None),
            ("{}", None),
            ("[\"x]", None),
        ] {
            assert_eq!(read_items(sent.as_bytes()).map(Value::from), expected, "{sent}");
        }
    }
}
