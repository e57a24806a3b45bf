//! What stands in the way of executing an extension record.

use super::Failure;

/// What keeps a record from being executed, until a person changes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupError {
    /// Of which kind it is.
    pub kind: SetupErrorKind,
    /// Where it stands in the record: `["config", "mapping.post_sale"]`.
    pub path: Vec<String>,
    /// What is wrong there, for people.
    pub message: String,
}

/// All that keeps a record from being executed, the most telling first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SetupErrors(Vec<SetupError>);

/// The kinds of obstacles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetupErrorKind {
    /// No handler answers to the key.
    UnknownKey,
    /// The handler needs a url.
    MissingUrl,
    /// Requests must not go to the url.
    BadUrl,
    /// The handler cannot use the config.
    BadConfig,
    /// The handler cannot use the credentials, or they cannot be opened.
    BadCredentials,
}

impl SetupError {
    /// An obstacle in `member` of a record, at `below` in it; empty for the whole.
    pub fn new(kind: SetupErrorKind, member: &str, below: &str, message: impl Into<String>) -> Self {
        let below = Some(below.to_owned()).filter(|below| !below.is_empty());
        Self { kind, path: std::iter::once(member.to_owned()).chain(below).collect(), message: message.into() }
    }

    /// Where and what, in a line. A message that names its place is the whole of it.
    pub fn reason(&self) -> String {
        let place = self.path.join(".");
        let is_said = match self.kind {
            SetupErrorKind::UnknownKey | SetupErrorKind::MissingUrl => true,
            _ => {
                self.path.first().is_some_and(|member| self.message.starts_with(member))
                    || self.message.contains(&place)
            }
        };
        if is_said { self.message.clone() } else { format!("{place}: {}", self.message) }
    }
}

impl SetupErrors {
    pub(super) fn new(found: Vec<SetupError>) -> Self {
        Self(found)
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &SetupError> {
        self.0.iter()
    }

    /// All of them in a line: the reason of a run that ends by them.
    pub fn reason(&self) -> String {
        self.iter().map(SetupError::reason).collect::<Vec<_>>().join("; ")
    }
}

impl From<SetupError> for SetupErrors {
    fn from(setup_error: SetupError) -> Self {
        Self(vec![setup_error])
    }
}

impl From<SetupErrors> for Failure {
    fn from(setup_errors: SetupErrors) -> Self {
        Self::discard(setup_errors.reason())
    }
}
