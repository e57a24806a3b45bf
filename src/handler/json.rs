//! JSON that is carried as text and parsed only when someone looks into it.

use std::ops::Deref;
use std::sync::OnceLock;

use serde::{Serialize, Serializer};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::nesting;

/// JSON as it was stored. It goes out as the same text; `json["Name"]` parses it once.
#[derive(Debug, Clone)]
pub struct Json {
    text: Box<RawValue>,
    value: OnceLock<Value>,
}

impl Json {
    /// Takes JSON text; fails when it is not JSON.
    pub fn parse(text: String) -> Result<Self, serde_json::Error> {
        Ok(Self { text: RawValue::from_string(text)?, value: OnceLock::new() })
    }

    /// The text.
    pub fn text(&self) -> &str {
        self.text.get()
    }

    /// The value.
    pub fn value(&self) -> &Value {
        // The text is JSON, and what nests too deep for the parser is left out.
        self.value.get_or_init(|| nesting::read_stored(self.text()).unwrap_or_default())
    }
}

impl Default for Json {
    fn default() -> Self {
        Self { text: RawValue::NULL.to_owned(), value: OnceLock::new() }
    }
}

impl Deref for Json {
    type Target = Value;

    fn deref(&self) -> &Value {
        self.value()
    }
}

impl Serialize for Json {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_goes_out_as_it_came_and_can_be_looked_into() {
        let Ok(json) = Json::parse(r#"{"b": 1.10, "a": {"x": "y"}}"#.into()) else { panic!("is JSON") };
        assert_eq!(json["a"]["x"], "y");
        assert_eq!(serde_json::to_string(&json).ok().as_deref(), Some(r#"{"b": 1.10, "a": {"x": "y"}}"#));
        assert!(Json::default().is_null());
        assert!(Json::parse("{".into()).is_err());
    }
}
