//! Locks drafts in the one order that all transactions keep to.

use std::collections::HashSet;

use crate::content::ContentType;
use crate::db::{Conn, Sql};
use crate::error::Result;

/// Locks the drafts with these rows in their order, until the transaction ends, and returns those that are there.
pub fn lock(conn: &mut Conn, content_type: &ContentType, drafts: Vec<i64>) -> Result<HashSet<i64>> {
    if drafts.is_empty() {
        return Ok(HashSet::new());
    }
    let mut sql = Sql::new("SELECT id FROM ");
    sql.name(content_type.table).text(" WHERE draft_id IS NULL AND id").in_ints(drafts);
    sql.text(" ORDER BY id").for_no_key_update();
    Ok(conn.list(&sql, |row| row.int(0))?.into_iter().collect())
}
