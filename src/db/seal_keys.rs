//! The table of the keys that credentials of this database are sealed with.

use diesel::prelude::*;

use super::schema::seal_keys;
use super::text::safe;
use super::{Conn, Sql};
use crate::clock::Millis;
use crate::error::Result;

/// Processes that start together on PostgreSQL take turns; SQLite's write transactions do anyway. The number is this
/// program's own.
const TAKE_TURNS: &str = "SELECT pg_advisory_xact_lock(7310861542)";

/// The ids of the keys.
pub fn find_all(conn: &mut Conn) -> Result<Vec<String>> {
    conn.load(seal_keys::table.order(seal_keys::created_at).select(seal_keys::key_id))
}

/// Enters `key_id` as the first key of the database; returns the keys that it has then, which are others if it had
/// some already.
pub fn claim(conn: &mut Conn, key_id: &str, now: Millis) -> Result<Vec<String>> {
    let mut turn = Sql::default();
    turn.either("SELECT 1", TAKE_TURNS);
    conn.query(&turn, |_| Ok(()))?;
    let known = find_all(conn)?;
    if !known.is_empty() {
        return Ok(known);
    }
    let row = (seal_keys::key_id.eq(safe(key_id)), seal_keys::created_at.eq(now));
    conn.run(diesel::insert_into(seal_keys::table).values(row))?;
    Ok(vec![key_id.to_owned()])
}
