//! What stands in the way of executing an extension record.

use super::Failure;

/// What keeps a record from being executed, until a person changes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obstacle {
    /// Of which kind it is.
    pub kind: ObstacleKind,
    /// Where it stands in the record: `["config", "mapping.post_sale"]`.
    pub path: Vec<String>,
    /// What is wrong there, for people.
    pub message: String,
}

/// The kinds of obstacles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ObstacleKind {
    /// No handler answers to the key.
    UnknownKey,
    /// The handler needs a url.
    MissingUrl,
    /// The handler cannot use the config.
    BadConfig,
    /// The handler cannot use the credentials, or they cannot be opened.
    BadCredentials,
}

impl Obstacle {
    /// An obstacle in `member` of a record, at `below` in it; empty for the whole.
    pub fn new(kind: ObstacleKind, member: &str, below: &str, message: impl Into<String>) -> Self {
        let below = Some(below.to_owned()).filter(|below| !below.is_empty());
        Self { kind, path: std::iter::once(member.to_owned()).chain(below).collect(), message: message.into() }
    }

    /// Where and what, in a line: the reason of a run that ends by it.
    pub fn reason(&self) -> String {
        match self.kind {
            ObstacleKind::UnknownKey | ObstacleKind::MissingUrl => self.message.clone(),
            ObstacleKind::BadConfig | ObstacleKind::BadCredentials => {
                format!("{}: {}", self.path.join("."), self.message)
            }
        }
    }
}

impl From<Obstacle> for Failure {
    fn from(obstacle: Obstacle) -> Self {
        Self::discard(obstacle.reason())
    }
}
