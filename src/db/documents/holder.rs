//! The document that holds an extension record.

use crate::content::{Catalog, ContentType, PRODUCT};
use crate::db::{Conn, Sql};
use crate::error::Result;

/// The document that an extension record belongs to, and which of its prices if it is a price's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Holder {
    /// The document's id.
    pub document_id: String,
    /// The price.
    pub price_id: Option<i64>,
}

/// The type of the documents that hold records with this `owner_field`: `store.extensions`, `price.extensions`.
pub fn holder_type(catalog: &Catalog, owner_field: &str) -> Option<&'static ContentType> {
    match owner_field.split('.').next() {
        Some("price") => Some(&PRODUCT),
        Some(key) => catalog.find_by_key(key),
        None => None,
    }
}

/// The document of the owner `(owner_field, owner_id)`; `None` when it is gone.
pub fn find_holder(conn: &mut Conn, owner_field: &str, owner_id: i64) -> Result<Option<Holder>> {
    let Some(content_type) = holder_type(conn.catalog(), owner_field) else { return Ok(None) };
    let is_price = owner_field.starts_with("price.");
    let mut sql = Sql::new("SELECT v.document_id FROM ");
    sql.name(content_type.table).text(" v");
    if is_price {
        sql.text(" JOIN prices p ON p.owner_id = v.id AND p.owner_field = 'product.PRICES'");
    }
    sql.text(if is_price { " WHERE p.id = " } else { " WHERE v.id = " }).int(owner_id).text(" LIMIT 1");
    let found = conn.first(&sql, |row| row.text(0))?;
    Ok(found.map(|document_id| Holder { document_id, price_id: is_price.then_some(owner_id) }))
}
