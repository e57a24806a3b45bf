//! Config and credentials that may have more members than their handler knows, which are passed on as they are.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::{Map, Value};

use crate::nesting::Plain;

/// A type that has a use for some members of an object.
pub trait Known: Default {
    /// Takes the value of the member called `name` from `entries`; leaves it there and returns false if it has no use for it.
    fn take<'de, A: MapAccess<'de>>(&mut self, name: &str, entries: &mut A) -> Result<bool, A::Error>;
}

/// Reads what is known of an object, and the rest of it. A flattened map would read the rest by serde's own means, to which
/// the names of some members are instructions.
pub fn read_open<'de, T, D>(deserializer: D) -> Result<(T, Map<String, Value>), D::Error>
where
    T: Known,
    D: Deserializer<'de>,
{
    deserializer.deserialize_map(OpenVisitor(PhantomData))
}

struct OpenVisitor<T>(PhantomData<T>);

impl<'de, T: Known> Visitor<'de> for OpenVisitor<T> {
    type Value = (T, Map<String, Value>);

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a map")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Self::Value, A::Error> {
        let (mut known, mut more) = (T::default(), Map::new());
        while let Some(name) = entries.next_key::<String>()? {
            if !known.take(&name, &mut entries)? {
                let Plain(value) = entries.next_value()?;
                more.insert(name, value);
            }
        }
        Ok((known, more))
    }
}
