//! Deliveries as they are read: those of a record, newest first.

use std::collections::HashMap;

use crate::clock::Millis;
use crate::db::{Conn, Sql};
use crate::error::Result;

/// A delivery that was stored.
#[derive(Debug, Clone)]
pub struct FoundDelivery {
    /// Its row.
    pub id: i64,
    /// When it came.
    pub received_at: Millis,
    /// The headers that are kept; JSON.
    pub headers: String,
    /// The body.
    pub body: String,
    /// Whether the body is base64, not being UTF-8.
    pub is_base64: bool,
    /// What it told of, in its order, without what was told before.
    pub notices: Vec<FoundNotice>,
}

/// Something that a delivery told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundNotice {
    /// The service's own id of it.
    pub id: String,
    /// What the service calls it.
    pub kind: Option<String>,
    /// The event that it became.
    pub event_id: Option<String>,
}

/// The deliveries of a record, newest first: at most `limit` of them, after the first `start`.
pub fn find_page(conn: &mut Conn, extension_id: i64, start: i64, limit: i64) -> Result<Vec<FoundDelivery>> {
    let mut sql =
        Sql::new("SELECT id, received_at, headers, body, is_base64 FROM inbound_deliveries WHERE extension_id = ");
    sql.int(extension_id).text(" ORDER BY id DESC LIMIT ").int(limit).text(" OFFSET ").int(start);
    let mut found = conn.list(&sql, |row| {
        Ok(FoundDelivery {
            id: row.int(0)?,
            received_at: row.int(1)?,
            headers: row.text(2)?,
            body: row.text(3)?,
            is_base64: row.int(4)? == 1,
            notices: Vec::new(),
        })
    })?;
    let mut notices = notices_of(conn, found.iter().map(|delivery| delivery.id).collect())?;
    for delivery in &mut found {
        delivery.notices = notices.remove(&delivery.id).unwrap_or_default();
    }
    Ok(found)
}

fn notices_of(conn: &mut Conn, deliveries: Vec<i64>) -> Result<HashMap<i64, Vec<FoundNotice>>> {
    let mut sql = Sql::new("SELECT delivery_id, notice, kind, event_uid FROM inbound_notices WHERE delivery_id");
    sql.in_ints(deliveries).text(" ORDER BY delivery_id, place");
    let mut found: HashMap<i64, Vec<FoundNotice>> = HashMap::new();
    conn.query(&sql, |row| {
        let notice = FoundNotice { id: row.text(1)?, kind: row.find_text(2)?, event_id: row.find_text(3)? };
        found.entry(row.int(0)?).or_default().push(notice);
        Ok(())
    })?;
    Ok(found)
}

/// How many deliveries of a record are kept.
pub fn count(conn: &mut Conn, extension_id: i64) -> Result<i64> {
    let mut sql = Sql::new("SELECT count(*) FROM inbound_deliveries WHERE extension_id = ");
    sql.int(extension_id);
    Ok(conn.first(&sql, |row| row.int(0))?.unwrap_or_default())
}
