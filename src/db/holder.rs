//! The documents that hold extension records.

/// The documentId of what the columns `owner_field` and `owner_id` of this table name; for a price that of its product,
/// and null when it is gone or of a kind that holds no records.
macro_rules! holder {
    ($table:literal) => {
        concat!(
            "CASE ",
            $table,
            ".owner_field WHEN 'store.extensions' THEN (SELECT document_id FROM stores WHERE id = ",
            $table,
            ".owner_id) WHEN 'product.extensions' THEN (SELECT document_id FROM products WHERE id = ",
            $table,
            ".owner_id) WHEN 'subscriber.extensions' THEN (SELECT document_id FROM subscribers WHERE id = ",
            $table,
            ".owner_id) WHEN 'price.extensions' THEN (SELECT v.document_id FROM prices p JOIN products v ON v.id = p.owner_id WHERE p.id = ",
            $table,
            ".owner_id AND p.owner_field = 'product.PRICES' LIMIT 1) END"
        )
    };
}
pub(in crate::db) use holder;
