//! Reads JSON into a [`Value`] without taking the names of members for instructions.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Reads JSON as it is written, where serde_json's own reading of a [`Value`] takes the names of members for instructions:
/// `{"$serde_json::private::Number": "1"}` is a number to it, and a text under `…::RawValue` is read as JSON.
///
/// Fails when `text` is no JSON, or nests deeper than serde_json reads (127 levels).
pub fn read(text: impl AsRef<[u8]>) -> serde_json::Result<Value> {
    serde_json::from_slice(text.as_ref()).map(|Plain(value)| value)
}

/// Reads a member of any type as [`read`] does: `#[serde(default, deserialize_with = "nesting::read_member")]`.
pub fn read_member<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Ok(Option::deserialize(deserializer)?.map(|Plain(value)| value))
}

/// Reads a member that is an object as [`read`] does: `#[serde(deserialize_with = "nesting::read_members")]`.
pub fn read_members<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Map<String, Value>, D::Error> {
    Members::deserialize(deserializer).map(|Members(members)| members)
}

/// A value that is read as [`read`] does.
pub struct Plain(pub Value);

impl<'de> Deserialize<'de> for Plain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PlainVisitor).map(Self)
    }
}

struct PlainVisitor;

impl<'de> Visitor<'de> for PlainVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any valid JSON value")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Number::from_i128(value).map_or(Value::Null, Value::Number))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        Ok(Number::from_u128(value).map_or(Value::Null, Value::Number))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_string<E>(self, text: String) -> Result<Value, E> {
        Ok(text.into())
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Value, A::Error> {
        let mut items = Vec::new();
        while let Some(Plain(item)) = sequence.next_element()? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let Some(name) = entries.next_key()? else { return Ok(Value::Object(Map::new())) };
        match entries.next_value()? {
            First::Member(value) => read_rest((name, value), entries).map(Value::Object),
            First::Digits(digits) => digits.parse().map(Value::Number).map_err(A::Error::custom),
        }
    }
}

/// The members of an object that is read as [`read`] does.
pub struct Members(pub Map<String, Value>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor).map(Self)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Map<String, Value>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Map::new())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let Some((name, Plain(value))) = entries.next_entry()? else { return Ok(Map::new()) };
        read_rest((name, value), entries)
    }
}

/// The members of an object of which one was read already.
fn read_rest<'de, A: MapAccess<'de>>(first: (String, Value), mut entries: A) -> Result<Map<String, Value>, A::Error> {
    let mut members = Map::from_iter([first]);
    while let Some((name, Plain(value))) = entries.next_entry()? {
        members.insert(name, value);
    }
    Ok(members)
}

/// The first value of what serde_json brings as an object.
enum First {
    /// An object's first member.
    Member(Value),
    /// A number, which comes as an object with one member of a name of serde_json's own.
    Digits(String),
}

impl<'de> Deserialize<'de> for First {
    /// Asks for the value as for one that may be missing: what was written says that it is there, and the digits of a number
    /// are a text whatever is asked for. The name does not tell the two apart, since people can write it, too.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_option(FirstVisitor)
    }
}

struct FirstVisitor;

impl<'de> Visitor<'de> for FirstVisitor {
    type Value = First;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("any valid JSON value")
    }

    fn visit_none<E>(self) -> Result<First, E> {
        Ok(First::Member(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<First, D::Error> {
        deserializer.deserialize_any(PlainVisitor).map(First::Member)
    }

    fn visit_str<E>(self, digits: &str) -> Result<First, E> {
        Ok(First::Digits(digits.to_owned()))
    }

    fn visit_string<E>(self, digits: String) -> Result<First, E> {
        Ok(First::Digits(digits))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::*;

    /// Objects whose members are called as serde_json calls its own, alone and beside others.
    const NAMES: [&str; 12] = [
        r#"{"$serde_json::private::Number":"1.5"}"#,
        r#"{"$serde_json::private::Number":1.50}"#,
        r#"{"$serde_json::private::Number":"x"}"#,
        r#"{"$serde_json::private::Number":{"$serde_json::private::Number":"1"}}"#,
        r#"{"$serde_json::private::RawValue":"{\"a\":1}"}"#,
        r#"{"$serde_json::private::RawValue":"no JSON"}"#,
        r#"{"$serde_json::private::RawValue":null}"#,
        r#"{"$serde_json::private::RawValue":"1","b":2}"#,
        r#"{"b":2,"$serde_json::private::Number":"1"}"#,
        r#"[{"$serde_json::private::Number":"1"},[{"$serde_json::private::RawValue":"[]"}]]"#,
        r#"{"$serde_json::private::Number":"1","$serde_json::private::RawValue":"2"}"#,
        r#"{"a":[],"b":{},"c":[1e+5,0.10,1.0,0.1e-7,123456789012345678901234567890,-1,-9223372036854775808,null,true,"x"]}"#,
    ];

    #[test]
    fn members_are_read_as_they_are_called_and_numbers_as_they_are_written() {
        for text in NAMES {
            let value = read(text).expect("JSON");
            assert_eq!(value.to_string(), text, "is read and written as it came");
            assert_eq!(serde_json::to_value(&value).ok().as_ref(), Some(&value), "{text}");
            for read_again in [
                serde_json::from_value::<Plain>(value.clone()).ok(),
                Plain::deserialize(&value).ok(),
                serde_path_to_error::deserialize(&value).ok(),
                serde_ignored::deserialize(&value, |_| {}).ok(),
            ] {
                assert_eq!(read_again.map(|Plain(value)| value.to_string()).as_deref(), Some(text));
            }
        }
        let numbers = "[1e5,1E+2,-0,0.10,1.0,-1,18446744073709551616,-9223372036854775809,1e400,0.1E-7]";
        assert_eq!(read(numbers).ok(), serde_json::from_str(numbers).ok(), "numbers are those that serde_json reads");
        for refused in ["", "{", "[1,]", "{\"a\"}", "{\"a\":1}}", "01", "nul", "\"\\x\"", "{1:2}", "\"\\ud83d\""] {
            let of_serde = serde_json::from_str::<Value>(refused).err().map(|error| error.to_string());
            assert_eq!(read(refused).err().map(|error| error.to_string()), of_serde, "{refused}");
        }
        let escaped = read(br#"{"\u0024serde_json::private::Number":"1"}"#).map(|value| value.to_string());
        assert_eq!(escaped.ok().as_deref(), Some(r#"{"$serde_json::private::Number":"1"}"#));
        let twice = read(br#"{"a":1,"b":2,"a":3}"#).map(|value| value.to_string());
        assert_eq!(twice.ok().as_deref(), Some(r#"{"a":3,"b":2}"#), "the last one counts, at the place of the first");
    }

    #[test]
    fn members_of_types_are_read_so_too() {
        #[derive(Deserialize)]
        struct Sent {
            #[serde(default, deserialize_with = "read_member")]
            any: Option<Value>,
            #[serde(deserialize_with = "read_members")]
            object: Map<String, Value>,
        }

        for text in NAMES {
            let whole = format!(r#"{{"any":{text},"object":{{"$serde_json::private::Number":{text}}}}}"#);
            let value = read(&whole).expect("JSON");
            for sent in [serde_json::from_str::<Sent>(&whole).ok(), Sent::deserialize(&value).ok()] {
                let Sent { any, object } = sent.unwrap_or_else(|| panic!("{whole} can be read"));
                assert_eq!(any.map(|any| any.to_string()).as_deref(), Some(text));
                assert_eq!(Value::Object(object), value["object"]);
            }
        }
        for text in ["5", "1.5", "\"x\"", "[]"] {
            let refused =
                serde_json::from_str::<Sent>(&format!(r#"{{"object":{text}}}"#)).err().map(|error| error.to_string());
            assert!(refused.is_some_and(|refused| refused.contains("expected a map")), "{text}");
        }
    }
}
