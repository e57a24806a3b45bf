CREATE TABLE products (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    draft_id BIGINT REFERENCES products (id) ON DELETE CASCADE,
    document_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    published_at BIGINT,
    name TEXT,
    slug TEXT,
    sku TEXT,
    description TEXT,
    attributes TEXT,
    usd_price TEXT COLLATE DECIMAL,
    quantity BIGINT,
    amount_sold BIGINT,
    active BOOLEAN
);
CREATE UNIQUE INDEX products_drafts ON products (document_id) WHERE draft_id IS NULL;
CREATE UNIQUE INDEX products_published ON products (document_id) WHERE draft_id IS NOT NULL;
CREATE UNIQUE INDEX products_by_draft ON products (draft_id) WHERE draft_id IS NOT NULL;
CREATE INDEX products_by_slug ON products (slug);
CREATE INDEX products_by_name ON products (name);
CREATE INDEX products_by_usd_price ON products (usd_price);

-- The link of a product's version to a store. Both ends are drafts' rows, that is documents, so that a link to what is
-- not published today is kept and shows as soon as it is.
CREATE TABLE product_stores (
    product_id BIGINT NOT NULL REFERENCES products (id) ON DELETE CASCADE,
    published BOOLEAN NOT NULL,
    store_id BIGINT NOT NULL REFERENCES stores (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    inverse_position BIGINT NOT NULL,
    PRIMARY KEY (product_id, published, store_id)
) WITHOUT ROWID;
CREATE INDEX product_stores_by_store ON product_stores (store_id, published, inverse_position);
