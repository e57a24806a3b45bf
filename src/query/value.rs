//! What a query string says, before anyone has asked whether it makes sense.

/// A query string, or a part of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum QueryValue {
    /// A key without `=`.
    Null,
    /// A value; numbers and booleans are texts here.
    Text(String),
    /// Several values in order.
    List(Vec<QueryValue>),
    /// Named values, in the order in which their names first came.
    Object(Vec<(String, QueryValue)>),
}

impl QueryValue {
    /// The number that JavaScript makes of it: 0 for nothing, and NaN for what is no number.
    pub(super) fn as_number(&self) -> f64 {
        match self {
            Self::Null => 0.0,
            Self::Text(text) if text.trim().is_empty() => 0.0,
            Self::Text(text) => text.trim().parse().unwrap_or(f64::NAN),
            Self::List(_) | Self::Object(_) => f64::NAN,
        }
    }

    /// The member `key` of an object.
    pub fn get(&self, key: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        members.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The members of an object; none of anything else.
    pub fn members(&self) -> &[(String, Self)] {
        match self {
            Self::Object(members) => members,
            _ => &[],
        }
    }

    /// The text, if it is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }
}
