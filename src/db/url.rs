//! Where the database is.

use std::path::PathBuf;

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The embedded one.
    Sqlite,
    /// A server.
    Postgres,
}

/// Where the database is: `sqlite:<path>` or `postgres://…`.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// A file.
    Sqlite(PathBuf),
    /// A server, by its connection string, which may hold a password.
    Postgres(String),
}

impl DatabaseUrl {
    /// Reads the value of `DATABASE_URL`; the error says what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wanted = "expected sqlite:<path to a file> or postgres://user@host/database";
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            return ::url::Url::parse(text)
                .map(|_| Self::Postgres(text.to_owned()))
                .map_err(|error| format!("{error}; {wanted}"));
        }
        match text.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path)) {
            Some(path) if path.contains('?') => {
                let parameters = path.split_once('?').map_or("", |(_, parameters)| parameters);
                Err(format!("sqlite: takes the path of a file and no parameters, as ?{parameters} would be"))
            }
            Some(path) if !path.is_empty() && path != ":memory:" => Ok(Self::Sqlite(path.into())),
            _ => Err(wanted.into()),
        }
    }

    /// Which database it names.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Sqlite(_) => Kind::Sqlite,
            Self::Postgres(_) => Kind::Postgres,
        }
    }
}

impl std::fmt::Display for DatabaseUrl {
    /// As it was given, without the password.
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sqlite(path) => write!(out, "sqlite:{}", path.display()),
            Self::Postgres(text) => match ::url::Url::parse(text) {
                Ok(mut url) => {
                    if url.password().is_some() {
                        let _ = url.set_password(Some("hidden"));
                    }
                    write!(out, "{url}")
                }
                Err(_) => out.write_str("postgres://[hidden]"),
            },
        }
    }
}
