//! Article numbers of products.

use crate::db::{Conn, Sql};
use crate::error::Result;

/// The article number of the product with this documentId, that of its published version first; of the store with that
/// documentId alone, if one is named.
pub fn find_sku(conn: &mut Conn, product: &str, store: Option<&str>) -> Result<Option<String>> {
    let mut sql = Sql::new("SELECT v.sku FROM products d JOIN products v ON v.id = d.id OR v.draft_id = d.id ");
    sql.text("WHERE d.draft_id IS NULL AND d.document_id = ").str(product);
    sql.text(" AND v.sku IS NOT NULL AND v.sku <> ''");
    if let Some(store) = store {
        // A link of either version: what was sold may have left the shop since.
        sql.text(
            " AND EXISTS (SELECT 1 FROM product_stores l JOIN stores s ON s.id = l.store_id WHERE l.product_id = d.id",
        );
        sql.text(" AND s.document_id = ").str(store).text(")");
    }
    sql.text(" ORDER BY v.draft_id IS NULL LIMIT 1");
    conn.first(&sql, |row| row.text(0))
}
