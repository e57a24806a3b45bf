//! What JSON from outside may be, whoever brings it: how deep it may nest, and which character it may not hold. And the one
//! place where JSON becomes a [`Value`], whatever its members are called.

use std::borrow::Cow;
use std::fmt;

use serde_json::Value;

pub use self::read::{Members, Plain, read, read_member, read_members};

mod read;

/// How many levels JSON may nest. What is stored is read again inside of other JSON, by a parser that stops at 128.
pub const LEVELS: usize = 100;
/// How many levels of what is stored are read: all that could ever be stored and still be read inside of other JSON. Before
/// there was a limit for it, some was stored that could not.
const READ: usize = 110;

/// Why JSON cannot be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unstorable {
    /// It nests deeper than [`LEVELS`].
    TooDeep,
    /// It holds U+0000, which PostgreSQL's texts cannot hold.
    Nul,
}

impl fmt::Display for Unstorable {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooDeep => write!(formatter, "JSON nested deeper than {LEVELS} levels"),
            Self::Nul => formatter.write_str("the character U+0000 cannot be stored"),
        }
    }
}

/// Whether JSON text may be kept.
pub fn check(text: &[u8]) -> Result<(), Unstorable> {
    let mut scan = Scan::default();
    for (place, byte) in text.iter().enumerate() {
        if *byte == b'u' && scan.is_escaped && text[place + 1..].starts_with(b"0000") {
            return Err(Unstorable::Nul);
        }
        if scan.step(*byte) > LEVELS {
            return Err(Unstorable::TooDeep);
        }
    }
    Ok(())
}

/// Whether a value that was read already may be kept.
pub fn check_value(value: &Value) -> Result<(), Unstorable> {
    fn check_below(value: &Value, levels: usize) -> Result<(), Unstorable> {
        let left = || levels.checked_sub(1).ok_or(Unstorable::TooDeep);
        match value {
            Value::String(text) => check_text(text),
            Value::Array(items) => {
                let left = left()?;
                items.iter().try_for_each(|item| check_below(item, left))
            }
            Value::Object(members) => {
                let left = left()?;
                members.iter().try_for_each(|(name, member)| {
                    check_text(name)?;
                    check_below(member, left)
                })
            }
            _ => Ok(()),
        }
    }
    check_below(value, LEVELS)
}

fn check_text(text: &str) -> Result<(), Unstorable> {
    if text.contains('\0') { Err(Unstorable::Nul) } else { Ok(()) }
}

/// Reads JSON that is stored, as far down as it may be read.
pub fn read_stored(text: &str) -> serde_json::Result<Value> {
    read(&*readable(text))
}

/// JSON text that is stored, with null for what nests too deep to be read inside of other JSON.
pub fn readable(text: &str) -> Cow<'_, str> {
    cut(text, READ)
}

/// JSON text with null in place of what nests deeper than `levels`.
pub fn cut(text: &str, levels: usize) -> Cow<'_, str> {
    // Nearly nothing has so many brackets, and to count them takes a fraction of the time.
    let brackets = text.bytes().filter(|byte| matches!(byte, b'[' | b'{')).count();
    if brackets <= levels {
        return Cow::Borrowed(text);
    }
    let (mut scan, mut kept, mut from, mut is_cut) = (Scan::default(), String::new(), 0, false);
    for (place, byte) in text.bytes().enumerate() {
        let (before, now) = (scan.depth, scan.step(byte));
        if now > before && now == levels + 1 {
            kept.push_str(&text[from..place]);
            kept.push_str("null");
            is_cut = true;
        } else if now < before && before == levels + 1 {
            from = place + 1;
        }
    }
    match is_cut {
        false => Cow::Borrowed(text),
        true => {
            // Text that ends within what is left out is no JSON, and stays none.
            kept.push_str(if scan.depth > levels { "" } else { &text[from..] });
            Cow::Owned(kept)
        }
    }
}

/// Where in JSON text one is.
#[derive(Default)]
struct Scan {
    depth: usize,
    in_string: bool,
    is_escaped: bool,
}

impl Scan {
    /// Takes the next byte; returns how deep it stands.
    fn step(&mut self, byte: u8) -> usize {
        match byte {
            _ if self.is_escaped => self.is_escaped = false,
            b'\\' if self.in_string => self.is_escaped = true,
            b'"' => self.in_string = !self.in_string,
            _ if self.in_string => {}
            b'[' | b'{' => self.depth += 1,
            b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.depth
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn nested(levels: usize) -> String {
        format!("{}{}", "[".repeat(levels), "]".repeat(levels))
    }

    #[test]
    fn text_and_value_are_held_to_the_same_limits() {
        for (text, expected) in [
            (nested(LEVELS), Ok(())),
            (nested(LEVELS + 1), Err(Unstorable::TooDeep)),
            (r#"{"a":"\u0000"}"#.to_owned(), Err(Unstorable::Nul)),
            (r#"{"\u0000":1}"#.to_owned(), Err(Unstorable::Nul)),
            (r#"{"a":"\\u0000 [[[ \" "}"#.to_owned(), Ok(())),
            (r#"{"a":"\\u0000 [[[ \" ","b":"\u00001"}"#.to_owned(), Err(Unstorable::Nul)),
        ] {
            assert_eq!(check(text.as_bytes()), expected, "{text}");
            assert_eq!(check_value(&read(&text).expect("JSON")), expected, "{text}");
        }
        assert_eq!(check(nested(100_000).as_bytes()), Err(Unstorable::TooDeep));
    }

    #[test]
    fn what_nests_too_deep_is_left_out_and_the_rest_can_be_read() {
        for (text, expected) in [
            (r#"{"a": [1, {"b": 2}], "c": 3}"#, json!({"a": [1, null], "c": 3})),
            (r#"[[["]]]", "\"["]], 5]"#, json!([[null], 5])),
            ("[[]]", json!([[]])),
            ("[[[]], [{}, []], 1]", json!([[null], [null, null], 1])),
        ] {
            assert_eq!(read(&*cut(text, 2)).ok(), Some(expected), "{text}");
        }
        let deep = format!(r#"{{"a": {}, "b": 1}}"#, nested(30_000));
        let read = read_stored(&deep).expect("JSON");
        assert_eq!(read["b"], 1);
        let printed = read_stored(&nested(READ)).map(|value| value.to_string());
        assert!(printed.is_ok_and(|printed| printed == nested(READ)));
        assert!(read_stored(&"[".repeat(30_000)).is_err());
    }
}
