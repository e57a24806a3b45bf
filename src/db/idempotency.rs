//! What callers sent under a key of theirs and were answered.

use diesel::prelude::*;

use super::schema::idempotency_keys as keys;
use super::text::safe;
use super::typed::columns;
use super::{Conn, Sql};
use crate::clock::{DAY, Millis};
use crate::error::{Error, Result};

/// How long a caller's key is remembered.
pub const REMEMBERED: Millis = DAY;

/// An answer that was given.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = keys)]
pub struct Given {
    /// What it was the answer to, as a hash.
    pub request: String,
    /// Its entity tag; none while it is not given yet.
    pub etag: Option<String>,
    /// Its body, likewise.
    pub body: Option<String>,
}

/// Takes `key` for a request, or returns what was answered under it before. Whoever sends the same key at the same time
/// waits until the transaction that took it ends.
pub fn take(conn: &mut Conn, key: &str, request: &str, now: Millis) -> Result<Option<Given>> {
    let mut sql = Sql::new("INSERT INTO idempotency_keys (key, request, created_at) VALUES (");
    sql.str(key).text(", ").str(request).text(", ").int(now);
    sql.text(") ON CONFLICT (key) DO UPDATE SET request = excluded.request, created_at = excluded.created_at");
    sql.text(" WHERE idempotency_keys.created_at <= ").int(now - REMEMBERED);
    if conn.execute(&sql)? > 0 {
        return Ok(None);
    }

    let given = conn.load_first(keys::table.find(safe(key)).select(columns::<Given>()))?;
    given.map(Some).ok_or(Error::Unavailable("another request uses the same idempotency key; try again"))
}

/// Keeps what is answered under `key`, which was taken.
pub fn keep(conn: &mut Conn, key: &str, etag: &str, body: &str) -> Result<()> {
    let answer = (keys::etag.eq(Some(etag)), keys::body.eq(Some(body)));
    conn.run(diesel::update(keys::table.find(safe(key))).set(answer)).map(drop)
}

/// Forgets keys whose time has passed, at most `limit`; returns how many.
pub fn prune(conn: &mut Conn, now: Millis, limit: i64) -> Result<usize> {
    let mut sql = Sql::new("DELETE FROM idempotency_keys WHERE key IN (SELECT key FROM idempotency_keys");
    sql.text(" WHERE created_at <= ").int(now - REMEMBERED).text(" LIMIT ").int(limit).text(")");
    conn.execute(&sql)
}
