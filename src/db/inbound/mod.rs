//! What services send to extension records: their addresses, and the deliveries that were taken, each notice once.

mod find;

use diesel::prelude::*;

use super::bulk::{self, Bulk, Key};
use super::schema::{
    extensions, inbound_addresses as addresses, inbound_deliveries as deliveries, inbound_notices as notices,
};
use super::text::{Switch, safe};
use super::typed::{columns, is_one_of};
use super::{Conn, Sql};
use crate::clock::Millis;
use crate::error::Result;

pub use find::{FoundDelivery, FoundNotice, count, find_page};

/// An extension record that something was sent to.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = extensions)]
pub struct InboundExtension {
    /// Its key.
    #[diesel(select_expression = extensions::key.assume_not_null())]
    pub key: String,
    /// The field that holds it: `store.extensions`.
    pub owner_field: String,
    /// The row of the draft, or the price's id.
    pub owner_id: i64,
    /// Whether it is switched on.
    #[diesel(deserialize_as = Switch)]
    pub active: bool,
    /// Its credentials, sealed.
    pub credentials: Option<String>,
    /// Its config; JSON.
    pub config: Option<String>,
    /// Its address.
    #[diesel(embed)]
    pub address: Option<Address>,
}

/// Where services send to.
#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = addresses)]
pub struct Address {
    /// The secret part, sealed for [`token_place`].
    pub token: String,
    /// Deliveries that were refused.
    pub refused: i64,
    /// When the last of them was noted.
    pub refused_at: Option<Millis>,
    /// Why it was refused.
    pub refusal: Option<String>,
}

/// A delivery before it is stored.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// The extension record.
    pub extension_id: i64,
    /// When it came.
    pub received_at: Millis,
    /// The headers that are kept; JSON.
    pub headers: String,
    /// The body; base64 when it is not UTF-8.
    pub body: String,
    /// Whether it is.
    pub is_base64: bool,
}

/// Something that a delivery tells of, before it is stored.
#[derive(Debug, Clone)]
pub struct NewNotice {
    /// The service's own id of it.
    pub id: String,
    /// Where it stands in the delivery.
    pub place: i64,
    /// What the service calls it.
    pub kind: Option<String>,
    /// The event that it becomes.
    pub event_uid: Option<String>,
}

/// The place that the token of a record's address is sealed for.
pub fn token_place(extension_id: i64) -> String {
    format!("inbound_addresses/{extension_id}/token")
}

/// The extension record with this id, unless it was removed.
pub fn find_extension(conn: &mut Conn, extension_id: i64) -> Result<Option<InboundExtension>> {
    let address = addresses::table.on(addresses::extension_id.eq(extensions::id));
    let record =
        extensions::id.eq(extension_id).and(extensions::key.is_not_null()).and(extensions::removed_at.is_null());
    conn.load_first(extensions::table.left_join(address).filter(record).select(columns::<InboundExtension>()))
}

/// Gives a record's address this sealed token; one that it has already stays, unless `anew`.
pub fn keep_token(conn: &mut Conn, extension_id: i64, token: &str, anew: bool) -> Result<()> {
    let mut sql = Sql::new("INSERT INTO inbound_addresses (extension_id, token) VALUES (");
    sql.int(extension_id).text(", ").str(token).text(") ON CONFLICT (extension_id) DO ");
    sql.text(if anew { "UPDATE SET token = excluded.token" } else { "NOTHING" });
    conn.execute(&sql).map(drop)
}

/// Notes that `count` deliveries to a record were refused, the last of them at `now` and for this reason.
pub fn note_refusals(conn: &mut Conn, extension_id: i64, count: i64, (now, reason): (Millis, &str)) -> Result<()> {
    let more = (
        addresses::refused.eq(addresses::refused + count),
        addresses::refused_at.eq(Some(now)),
        addresses::refusal.eq(Some(reason)),
    );
    conn.run(diesel::update(addresses::table.find(extension_id)).set(more)).map(drop)
}

/// Those of these notices that the record was told before.
pub fn find_known(conn: &mut Conn, extension_id: i64, ids: Vec<String>) -> Result<Vec<String>> {
    let known = notices::extension_id.eq(extension_id).and(is_one_of(notices::notice, ids));
    conn.load(notices::table.filter(known).select(notices::notice))
}

const INSERT: Bulk = Bulk {
    sqlite: &[
        "INSERT INTO inbound_notices (extension_id, notice, delivery_id, place, kind, event_uid) VALUES (",
        ", ",
        ", ",
        ", ",
        ", ",
        ", ",
        ") ON CONFLICT DO NOTHING",
    ],
    postgres: [
        "INSERT INTO inbound_notices (extension_id, notice, delivery_id, place, kind, event_uid) SELECT * FROM ",
        " ON CONFLICT DO NOTHING",
    ],
};

/// Stores a delivery with what it tells of, and returns the places of those notices that were new. Whoever stores the same
/// at the same moment waits until this transaction ends. Nothing is stored when nothing is new.
pub fn insert(conn: &mut Conn, delivery: &NewDelivery, mut notices: Vec<NewNotice>) -> Result<Vec<i64>> {
    let row = (
        deliveries::extension_id.eq(delivery.extension_id),
        deliveries::received_at.eq(delivery.received_at),
        deliveries::headers.eq(safe(&delivery.headers)),
        deliveries::body.eq(safe(&delivery.body)),
        deliveries::is_base64.eq(delivery.is_base64),
    );
    let id: i64 = conn.load_one(diesel::insert_into(deliveries::table).values(row).returning(deliveries::id))?;

    // Two deliveries that tell of the same would wait for each other, each holding what the other needs, unless both
    // take it in one order.
    notices.sort_by(|one, other| one.id.cmp(&other.id));
    let values = |notice: NewNotice| {
        vec![
            delivery.extension_id.into(),
            notice.id.into(),
            id.into(),
            notice.place.into(),
            notice.kind.into(),
            notice.event_uid.into(),
        ]
    };
    let new = bulk::touched(conn, &INSERT, &Key(3, "place"), notices.into_iter().map(values).collect())?;
    if new.is_empty() {
        conn.run(diesel::delete(deliveries::table.find(id)))?;
    }
    Ok(new)
}

/// Deletes up to `limit` deliveries from before `before`, with what they told of; returns how many. Addresses of records
/// that are gone go with them.
pub fn prune(conn: &mut Conn, before: Millis, limit: i64) -> Result<usize> {
    let gone = Sql::new(
        "DELETE FROM inbound_addresses WHERE NOT EXISTS (SELECT 1 FROM extensions WHERE id = inbound_addresses.extension_id)",
    );
    conn.execute(&gone)?;
    let mut sql =
        Sql::new("DELETE FROM inbound_deliveries WHERE id IN (SELECT id FROM inbound_deliveries WHERE received_at < ");
    sql.int(before).text(" ORDER BY received_at LIMIT ").int(limit).text(")");
    conn.execute(&sql)
}
