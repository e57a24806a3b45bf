//! What is wrong with the config or the credentials of a record.

/// A config or credentials that their handler cannot use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError {
    /// Where, below `config` or `credentials`: `mapping.post_sale`; empty for the whole.
    pub path: String,
    /// What is wrong.
    pub message: String,
}
