//! What can go wrong, with what a caller needs to put it right. `http::problem` makes answers of it.

use diesel::result::DatabaseErrorKind;
use serde_json::Value;

use crate::suggest::suggest;

/// The result of everything that can fail in a request's way.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A cause whose detail is for the log alone.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// One value that is not acceptable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// Where it stands in the body: `["PRICES", "0", "Price"]`.
    pub path: Vec<String>,
    /// What is wrong with it, in the caller's words.
    pub message: String,
    /// The value, as it came.
    pub value: Option<Value>,
}

/// The `path` beside an invalid key, in the three forms that Strapi's answers have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyPath {
    /// No such member.
    Absent,
    /// Null.
    Null,
    /// The field it stood in, or the key itself.
    At(String),
}

/// Where a key stood that has no place in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// In this parameter of the query string, such as `filters`.
    Query(&'static str),
    /// In the name of a parameter of the query string.
    Parameter,
    /// In the query string, where Strapi tells no parameter.
    Unnamed,
    /// In the body.
    Body,
}

/// Everything that the layers above the database report.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// 404: there is no such route or document.
    #[error("Not Found")]
    NotFound,
    /// 400: the request breaks a rule that has no path of its own.
    #[error("{0}")]
    Validation(String),
    /// 400: a parameter of the query string whose value is none of those it can have.
    #[error("{message}")]
    Parameter {
        /// What is wrong.
        message: String,
        /// The parameter.
        param: &'static str,
    },
    /// 400: values of the body or the query that are not acceptable, all of them.
    #[error("{}", summary(.0))]
    Invalid(Vec<Problem>),
    /// 400: a key that the content type does not have, or that the caller may not use.
    #[error("Invalid key {key}{}", at(.key, .path))]
    InvalidKey {
        /// The key as it was sent.
        key: String,
        /// Where it stood, as far as Strapi tells.
        path: KeyPath,
        /// Query or body.
        source_of: Source,
        /// The key that may be meant.
        suggestion: Option<String>,
    },
    /// 400: the request is well formed but cannot be done to this document.
    #[error("{0}")]
    Application(String),
    /// 400: a page that cannot be asked for.
    #[error("{0}")]
    Pagination(String),
    /// 400: a body that is not JSON.
    #[error("{0}")]
    Syntax(String),
    /// 401: a token that is not known or has expired, or a signature that is not right.
    #[error("{message}")]
    Unauthorized {
        /// Why, in Strapi's words where it has some.
        message: &'static str,
        /// What is wrong with the token, and what to do.
        hint: Option<String>,
    },
    /// 403: the caller may not do this.
    #[error("Forbidden")]
    Forbidden,
    /// 403: the caller lacks a right.
    #[error("Forbidden")]
    MissingRight {
        /// What would be needed, such as `the right store.update`.
        needed: String,
        /// Whether the caller sent a token.
        has_token: bool,
    },
    /// 404: there is no such document, but another way to name one.
    #[error("Not Found")]
    Misnamed {
        /// The member of the path that names nothing.
        param: String,
        /// What it is instead.
        hint: String,
    },
    /// 403: the body changes extension records, which the caller may not.
    #[error("{} changes extension records, which needs the right {right}", place(.path))]
    RecordsForbidden {
        /// Where it does so; empty for what has no place in the body.
        path: Vec<String>,
        /// The right, such as `store.extensions`.
        right: String,
    },
    /// 405: the path exists, the method does not.
    #[error("Method Not Allowed")]
    MethodNotAllowed,
    /// 409: something else holds the name, or the key was used for another request.
    #[error("{0}")]
    Conflict(String),
    /// 409: less is there than is asked for.
    #[error("{left} left, {asked} asked for")]
    OutOfStock {
        /// What is there.
        left: i64,
        /// What was asked for.
        asked: i64,
    },
    /// 412: the document is not the one that the caller has seen.
    #[error("{0}")]
    PreconditionFailed(String),
    /// 413: a body above the limit.
    #[error("request entity too large")]
    TooLarge,
    /// 415: a body that is neither JSON nor a form.
    #[error("{0}")]
    UnsupportedMediaType(String),
    /// Another transaction was in the way, so that nothing was done. Done again at once it may go well; if it does not, it is
    /// answered with 409 for a value that another request stored, else with 503.
    #[error("{0}")]
    Raced(Race),
    /// 429: it was done too often; it can be done again after so many seconds.
    #[error("{message}")]
    TooMany {
        /// What is too often, and how often it may be.
        message: String,
        /// Seconds.
        after: u64,
    },
    /// 503: too much at once, or the database is away; the request can be sent again.
    #[error("{0}")]
    Unavailable(&'static str),
    /// 500: a fault of ours or of the database; the cause goes to the log.
    #[error("internal error: {0}")]
    Internal(BoxError),
}

/// How a transaction was in the way of another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Race {
    /// Each waited for the other.
    #[error("another request changes the same; try again")]
    Deadlock,
    /// What was read has changed meanwhile.
    #[error("another request changes the same; try again")]
    Serialization,
    /// It stored a value that may be there only once.
    #[error("another request has just stored the same value")]
    Unique,
    /// It removed what this one leads to.
    #[error("another request has just removed what this one leads to")]
    Reference,
}

impl Error {
    /// A fault that has only a text.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::Internal(message.into().into())
    }

    /// The error for `key`, which is none of `known`.
    pub fn unknown_key<'a>(
        key: &str,
        path: KeyPath,
        source_of: Source,
        known: impl IntoIterator<Item = &'a str>,
    ) -> Self {
        let suggestion = suggest(key, known).first().map(|near| (*near).to_owned());
        Self::InvalidKey { key: key.to_owned(), path, source_of, suggestion }
    }

    /// The error for `key`, which exists and has no place here.
    pub fn misplaced_key(key: &str, path: KeyPath, source_of: Source) -> Self {
        Self::InvalidKey { key: key.to_owned(), path, source_of, suggestion: None }
    }
}

impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        use diesel::result::Error as Diesel;
        match &error {
            Diesel::DatabaseError(DatabaseErrorKind::ClosedConnection, detail) => away(detail.message()),
            Diesel::DatabaseError(_, detail) if is_away(detail.message()) => away(detail.message()),
            Diesel::DatabaseError(kind, detail) if let Some(race) = race(kind, detail.message()) => {
                log::info!("two writes at once: {}", detail.message());
                Self::Raced(race)
            }
            Diesel::DatabaseError(_, detail) if is_locked_or_full(detail.message()) => {
                log::error!("the database cannot be written: {error}");
                Self::Unavailable("the database cannot be written at the moment")
            }
            _ => Self::Internal(error.into()),
        }
    }
}

fn race(kind: &DatabaseErrorKind, message: &str) -> Option<Race> {
    match kind {
        DatabaseErrorKind::UniqueViolation => Some(Race::Unique),
        DatabaseErrorKind::ForeignKeyViolation => Some(Race::Reference),
        DatabaseErrorKind::SerializationFailure => Some(Race::Serialization),
        // Reported as a text only.
        _ if message.contains("deadlock detected") => Some(Race::Deadlock),
        _ => None,
    }
}

fn away(message: &str) -> Error {
    log::error!("the database is away: {}", message.split_whitespace().collect::<Vec<_>>().join(" "));
    Error::Unavailable("the database is away")
}

/// libpq's words for a connection that has ended, where it gives no code.
fn is_away(message: &str) -> bool {
    [
        "no connection to the server",
        "closed the connection",
        "terminating connection",
        "could not receive data from server",
    ]
    .iter()
    .any(|text| message.contains(text))
}

/// What is reported as a text only.
fn is_locked_or_full(message: &str) -> bool {
    [
        "database is locked",
        "database or disk is full",
        "disk I/O error",
        "No space left on device", // PostgreSQL passes on what the system says.
    ]
    .iter()
    .any(|text| message.contains(text))
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Internal(error.into())
    }
}

fn summary(problems: &[Problem]) -> String {
    match problems {
        [one] => one.message.clone(),
        many => format!("{} errors occurred", many.len()),
    }
}

fn place(path: &[String]) -> String {
    if path.is_empty() { "this".to_owned() } else { path.join(".") }
}

fn at(key: &str, path: &KeyPath) -> String {
    match path {
        KeyPath::At(path) if path != key => format!(" at {path}"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use diesel::result::Error as Diesel;

    use super::*;

    #[test]
    fn what_a_database_reports_is_told_apart() {
        use DatabaseErrorKind::{
            ForeignKeyViolation, NotNullViolation, SerializationFailure, UniqueViolation, Unknown,
        };
        for (kind, message, expected) in [
            (UniqueViolation, "duplicate key", "Raced(Unique)"),
            (ForeignKeyViolation, "no such store", "Raced(Reference)"),
            (SerializationFailure, "could not serialize", "Raced(Serialization)"),
            (Unknown, "deadlock detected", "Raced(Deadlock)"),
            (Unknown, "database is locked", "Unavailable"),
            (Unknown, "database or disk is full", "Unavailable"),
            (Unknown, "no connection to the server", "Unavailable"),
            (NotNullViolation, "a column", "Internal"),
            (Unknown, "index row size 2800 exceeds", "Internal"),
        ] {
            let told = format!("{:?}", Error::from(Diesel::DatabaseError(kind, Box::new(message.to_owned()))));
            assert!(told.starts_with(expected), "{message}: {told}");
        }
    }
}
