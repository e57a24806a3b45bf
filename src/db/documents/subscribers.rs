//! Subscribers by their address.

use super::draft_locks::lock;
use crate::clock::Millis;
use crate::content::{STORE, SUBSCRIBER};
use crate::db::{Bind, Conn, Sql};
use crate::error::Result;

/// The most subscribers of a store with one address that are looked at: an editor may have made it twice.
const MOST: i64 = 100;

/// A subscriber of a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriber {
    /// The document's id.
    pub document_id: String,
    /// Whether the store's news are wanted: active, and not unsubscribed.
    pub is_subscribed: bool,
    /// Whether other stores share the document.
    pub is_shared: bool,
    /// Whether the address was verified.
    pub is_verified: bool,
    /// When they unsubscribed, if they did.
    pub unsubscribed_at: Option<Millis>,
}

/// Locks the subscribers with this address of these stores, by their drafts, and then the stores: on PostgreSQL others who
/// subscribe to one of them wait until the transaction ends.
pub fn lock_subscriptions(conn: &mut Conn, address: &str, stores: Vec<i64>) -> Result<()> {
    let mut sql = Sql::new(
        "SELECT DISTINCT s.id FROM subscribers s JOIN subscriber_stores l ON l.subscriber_id = s.id \
         WHERE s.draft_id IS NULL AND lower(s.email) = ",
    );
    sql.str(address.to_ascii_lowercase()).text(" AND l.store_id").in_ints(stores.clone());
    let known = conn.list(&sql, |row| row.int(0))?;
    lock(conn, &SUBSCRIBER, known)?;
    lock(conn, &STORE, stores).map(drop)
}

/// The subscribers with this address, in any case, of the store with this draft; the first that was made comes first.
pub fn find_subscribers(conn: &mut Conn, address: &str, store: i64) -> Result<Vec<Subscriber>> {
    let links = |sql: &mut Sql, letter: &'static str| {
        sql.text(letter).text(".published = ").bind(Bind::Bool(Some(false)));
    };
    let mut sql = Sql::new(
        "SELECT s.document_id, (CASE WHEN s.active AND s.unsubscribed_at IS NULL THEN 1 ELSE 0 END), \
         (SELECT count(*) FROM subscriber_stores o WHERE o.subscriber_id = s.id AND ",
    );
    links(&mut sql, "o");
    sql.text("), (CASE WHEN s.email_verified IS NULL THEN 0 ELSE 1 END), s.unsubscribed_at FROM subscribers s JOIN subscriber_stores l ON l.subscriber_id = s.id AND ");
    links(&mut sql, "l");
    sql.text(" AND l.store_id = ").int(store);
    sql.text(" WHERE s.draft_id IS NULL AND lower(s.email) = ").str(address.to_ascii_lowercase());
    sql.text(" ORDER BY s.id LIMIT ").int(MOST);
    conn.list(&sql, |row| {
        Ok(Subscriber {
            document_id: row.text(0)?,
            is_subscribed: row.int(1)? == 1,
            is_shared: row.int(2)? > 1,
            is_verified: row.int(3)? == 1,
            unsubscribed_at: row.find_int(4)?,
        })
    })
}
