//! The table of API tokens. Only hashes are kept.

use diesel::prelude::*;

use super::Conn;
use super::schema::tokens;
use super::text::safe;
use super::typed::columns;
use crate::access::{Access, Permissions};
use crate::clock::Millis;
use crate::content::Catalog;
use crate::error::{Error, Problem, Result};

/// A token, without its text, which nobody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// Its row.
    pub id: i64,
    /// What it is called, in logs and events too.
    pub name: String,
    /// What it permits.
    pub kind: TokenKind,
    /// When it was made.
    pub created_at: Millis,
    /// When it stops working; `None` for never.
    pub expires_at: Option<Millis>,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Millis>,
}

/// What a token permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// Everything.
    FullAccess,
    /// Reading.
    ReadOnly,
    /// What it names.
    Custom(Permissions),
}

/// A token before it is stored.
#[derive(Debug, Clone)]
pub struct NewToken {
    /// What it is called; no two tokens share a name.
    pub name: String,
    /// What it permits.
    pub kind: TokenKind,
    /// The hash of its text.
    pub hash: String,
    /// When it is made.
    pub created_at: Millis,
    /// When it stops working; `None` for never.
    pub expires_at: Option<Millis>,
}

impl Token {
    /// Whether it no longer works at `now`.
    pub fn has_expired(&self, now: Millis) -> bool {
        self.expires_at.is_some_and(|end| end <= now)
    }
}

impl From<TokenKind> for Access {
    fn from(kind: TokenKind) -> Self {
        match kind {
            TokenKind::FullAccess => Self::Full,
            TokenKind::ReadOnly => Self::ReadOnly,
            TokenKind::Custom(permissions) => Self::Custom(permissions),
        }
    }
}

impl TokenKind {
    /// Its name, as tables, the API and the command line have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FullAccess => "full-access",
            Self::ReadOnly => "read-only",
            Self::Custom(_) => "custom",
        }
    }

    /// What a custom token permits, by name; of the other kinds nothing has to be named.
    pub fn permissions(self) -> Option<Vec<String>> {
        match self {
            Self::Custom(permissions) => Some(permissions.names()),
            Self::FullAccess | Self::ReadOnly => None,
        }
    }

    /// The kind that the columns `kind` and `permissions` say.
    fn read(catalog: &Catalog, kind: &str, permissions: Option<&str>) -> Result<Self> {
        match (kind, permissions) {
            ("full-access", None) => Ok(Self::FullAccess),
            ("read-only", None) => Ok(Self::ReadOnly),
            ("custom", Some(names)) => Ok(Self::Custom(Permissions::of_stored(catalog, names.split(',')))),
            _ => Err(Error::internal(format!("a token of unknown kind {kind:?}"))),
        }
    }
}

/// A token as its columns are.
#[derive(Queryable, Selectable)]
#[diesel(table_name = tokens)]
struct StoredToken {
    id: i64,
    name: String,
    kind: String,
    permissions: Option<String>,
    created_at: Millis,
    expires_at: Option<Millis>,
    last_used_at: Option<Millis>,
}

impl StoredToken {
    fn read(self, catalog: &Catalog) -> Result<Token> {
        Ok(Token {
            id: self.id,
            name: self.name,
            kind: TokenKind::read(catalog, &self.kind, self.permissions.as_deref())?,
            created_at: self.created_at,
            expires_at: self.expires_at,
            last_used_at: self.last_used_at,
        })
    }
}

/// Stores a token and returns its row. [`Error::Invalid`] when the name is none, [`Error::Conflict`] when it is taken.
pub fn insert(conn: &mut Conn, token: &NewToken) -> Result<i64> {
    if !(1..=100).contains(&token.name.chars().count()) || token.name.contains(char::is_control) {
        let message = "name must have 1 to 100 characters, none of them a control character".to_owned();
        return Err(Error::Invalid(vec![Problem { path: vec!["name".to_owned()], message, value: None }]));
    }
    if find_by_name(conn, &token.name)?.is_some() {
        return Err(Error::Conflict(format!("a token named {:?} exists", token.name)));
    }
    let row = (
        tokens::name.eq(safe(&token.name)),
        tokens::kind.eq(safe(token.kind.as_str())),
        tokens::permissions.eq(token.kind.permissions().map(|names| names.join(","))),
        tokens::hash.eq(safe(&token.hash)),
        tokens::created_at.eq(token.created_at),
        tokens::expires_at.eq(token.expires_at),
    );
    conn.load_one(diesel::insert_into(tokens::table).values(row).returning(tokens::id))
}

/// Every token, in the order they were made.
pub fn find_all(conn: &mut Conn) -> Result<Vec<Token>> {
    let catalog = conn.catalog();
    let stored = conn.load(tokens::table.order(tokens::id).select(columns::<StoredToken>()))?;
    stored.into_iter().map(|token: StoredToken| token.read(catalog)).collect()
}

/// The token whose text has this hash.
pub fn find_by_hash(conn: &mut Conn, hash: &str) -> Result<Option<Token>> {
    let stored = conn.load_first(tokens::table.filter(tokens::hash.eq(safe(hash))).select(columns::<StoredToken>()))?;
    stored.map(|token: StoredToken| token.read(conn.catalog())).transpose()
}

/// The token with this name.
pub fn find_by_name(conn: &mut Conn, name: &str) -> Result<Option<Token>> {
    let stored = conn.load_first(tokens::table.filter(tokens::name.eq(safe(name))).select(columns::<StoredToken>()))?;
    stored.map(|token: StoredToken| token.read(conn.catalog())).transpose()
}

/// Deletes a token; whether there was one.
pub fn delete(conn: &mut Conn, id: i64) -> Result<bool> {
    Ok(conn.run(diesel::delete(tokens::table.find(id)))? > 0)
}

/// Notes that a token was used at `now`.
pub fn note_use(conn: &mut Conn, id: i64, now: Millis) -> Result<()> {
    conn.run(diesel::update(tokens::table.find(id)).set(tokens::last_used_at.eq(now))).map(drop)
}
