//! A catalogue of any size, straight into the tables: the API would take minutes for ten thousand products.

use tenon::db::Db;

use super::execute;

/// Stores and products of these numbers, both included, each as a draft and published: every store sells two products,
/// every product has a price, an extension record, one on its price, SEO, and two stores.
pub fn add(db: &Db, from: i64, to: i64) {
    const NUMBERS: &str = "WITH RECURSIVE n (i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i < {to})";
    // The draft of number i is row 2i - 1, the version published from it row 2i.
    let statements = format!(
        "INSERT INTO stores (id, draft_id, document_id, created_at, updated_at, title, slug, active)
            {NUMBERS} SELECT 2 * i - 1, NULL, 'store' || i, i, i % 1000, 'Store ' || i, 'store-' || i, TRUE FROM n;
         INSERT INTO stores (id, draft_id, document_id, created_at, updated_at, published_at, title, slug, active)
            {NUMBERS} SELECT 2 * i, 2 * i - 1, 'store' || i, i, i % 1000, 0, 'Store ' || i, 'store-' || i, i % 2 = 0
            FROM n;
         INSERT INTO products (id, draft_id, document_id, created_at, updated_at, name, slug, usd_price)
            {NUMBERS} SELECT 2 * i - 1, NULL, 'product' || i, i, i % 1000, 'Product ' || i, 'product-' || i, 1 FROM n;
         INSERT INTO products (id, draft_id, document_id, created_at, updated_at, published_at, name, slug, usd_price)
            {NUMBERS} SELECT 2 * i, 2 * i - 1, 'product' || i, i, i % 1000, 0, 'Product ' || i, 'product-' || i, 1 FROM n;
         INSERT INTO prices (owner_field, owner_id, id, position, price)
            {NUMBERS} SELECT 'product.PRICES', 2 * i - 1, i, 1, i % 250 + 1 FROM n;
         INSERT INTO prices (owner_field, owner_id, id, position, price)
            {NUMBERS} SELECT 'product.PRICES', 2 * i, i, 1, i % 250 + 1 FROM n;
         INSERT INTO seos (owner_field, owner_id, id, position, meta_title)
            {NUMBERS} SELECT 'product.SEO', 2 * i, i, 0, 'Buy it' FROM n;
         INSERT INTO seos (owner_field, owner_id, id, position, meta_title)
            {NUMBERS} SELECT 'store.SEO', 2 * i, i, 0, 'Come in' FROM n;
         INSERT INTO urls (owner_field, owner_id, id, position, url)
            {NUMBERS} SELECT 'store.URLS', 2 * i, i, 0, 'https://example.com' FROM n;
         INSERT INTO extensions (id, owner_field, owner_id, position, key)
            {NUMBERS} SELECT 2 * i - 1, 'product.extensions', 2 * i - 1, 1, 'custom:webhook' FROM n;
         INSERT INTO extensions (id, owner_field, owner_id, position, key)
            {NUMBERS} SELECT 2 * i, 'price.extensions', i, 1, 'custom:webhook' FROM n;
         INSERT INTO product_stores (product_id, published, store_id, position, inverse_position)
            {NUMBERS} SELECT 2 * i - 1, TRUE, 2 * i - 1, 1, 1 FROM n;
         INSERT INTO product_stores (product_id, published, store_id, position, inverse_position)
            {NUMBERS} SELECT 2 * i - 1, TRUE, 2 * (i - 1) - 1, 2, 2 FROM n WHERE i > 1;"
    );
    execute(db, statements.replace("{from}", &from.to_string()).replace("{to}", &to.to_string()));
}
