//! What stands in one column of a row.

/// A value of a row. Booleans come as 0 and 1, decimals and JSON as text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cell<'a> {
    /// Nothing.
    Null,
    /// A number, a moment or a boolean.
    Int(i64),
    /// A text, a decimal or JSON.
    Text(&'a str),
}

impl Cell<'_> {
    /// About what it takes in an answer, in bytes.
    pub(super) fn size(self) -> usize {
        match self {
            Self::Null | Self::Int(_) => size_of::<i64>(),
            Self::Text(text) => text.len(),
        }
    }
}
