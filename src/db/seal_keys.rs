//! The table of the keys that credentials of this database are sealed with.

use super::{Conn, Sql};
use crate::clock::Millis;
use crate::error::Result;

/// Processes that start together on PostgreSQL take turns; SQLite's write transactions do anyway. The number is this
/// program's own.
const TAKE_TURNS: &str = "SELECT pg_advisory_xact_lock(7310861542)";

/// The ids of the keys.
pub fn find_all(conn: &mut Conn) -> Result<Vec<String>> {
    conn.list(&Sql::new("SELECT key_id FROM seal_keys ORDER BY created_at"), |row| row.text(0))
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
    let mut sql = Sql::new("INSERT INTO seal_keys (key_id, created_at) VALUES (");
    sql.str(key_id).text(", ").int(now).text(")");
    conn.execute(&sql)?;
    Ok(vec![key_id.to_owned()])
}
