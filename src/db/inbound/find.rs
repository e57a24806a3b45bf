//! Deliveries as they are read: those of a record, newest first.

use std::collections::HashMap;

use diesel::prelude::*;

use crate::clock::Millis;
use crate::db::Conn;
use crate::db::schema::{inbound_deliveries as deliveries, inbound_notices as notices};
use crate::db::typed::{Weight, columns, is_one_of};
use crate::error::Result;

/// A delivery that was stored.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = deliveries)]
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
}

impl Weight for FoundDelivery {
    fn weight(&self) -> usize {
        size_of::<Self>() + self.headers.len() + self.body.len()
    }
}

/// Something that a delivery told of.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Selectable)]
#[diesel(table_name = notices)]
pub struct FoundNotice {
    /// The service's own id of it.
    #[diesel(column_name = notice)]
    pub id: String,
    /// What the service calls it.
    pub kind: Option<String>,
    /// The event that it became.
    #[diesel(column_name = event_uid)]
    pub event_id: Option<String>,
}

/// The deliveries of a record, newest first: at most `limit` of them, after the first `start`. Each with what it told of, in
/// its order, without what was told before.
pub fn find_page(
    conn: &mut Conn,
    extension_id: i64,
    start: i64,
    limit: i64,
) -> Result<Vec<(FoundDelivery, Vec<FoundNotice>)>> {
    let page = deliveries::table.filter(deliveries::extension_id.eq(extension_id)).order(deliveries::id.desc());
    let page = page.limit(limit).offset(start).select(columns::<FoundDelivery>());
    let found: Vec<FoundDelivery> = conn.load_weighed(page)?;

    let mut notices = notices_of(conn, found.iter().map(|delivery| delivery.id).collect())?;
    let with_notices = |delivery: FoundDelivery| {
        let notices = notices.remove(&delivery.id).unwrap_or_default();
        (delivery, notices)
    };
    Ok(found.into_iter().map(with_notices).collect())
}

fn notices_of(conn: &mut Conn, of: Vec<i64>) -> Result<HashMap<i64, Vec<FoundNotice>>> {
    let query = notices::table
        .filter(is_one_of(notices::delivery_id, of))
        .order((notices::delivery_id, notices::place))
        .select((notices::delivery_id, columns::<FoundNotice>()));
    let mut found: HashMap<i64, Vec<FoundNotice>> = HashMap::new();
    for (delivery, notice) in conn.load::<(i64, FoundNotice), _>(query)? {
        found.entry(delivery).or_default().push(notice);
    }
    Ok(found)
}

/// How many deliveries of a record are kept.
pub fn count(conn: &mut Conn, extension_id: i64) -> Result<i64> {
    conn.load_one(deliveries::table.filter(deliveries::extension_id.eq(extension_id)).count())
}
