-- Lists are walked in their order and left after a page: one index for each version, since the other's rows would have
-- to be stepped over. `id` decides between rows that are alike, as in the statements.
CREATE INDEX stores_drafts_by_title ON stores (title, id) WHERE draft_id IS NULL;
CREATE INDEX stores_published_by_title ON stores (title, id) WHERE draft_id IS NOT NULL;
CREATE INDEX stores_drafts_by_created_at ON stores (created_at DESC, id) WHERE draft_id IS NULL;
CREATE INDEX stores_published_by_created_at ON stores (created_at DESC, id) WHERE draft_id IS NOT NULL;
CREATE INDEX stores_drafts_by_updated_at ON stores (updated_at DESC, id) WHERE draft_id IS NULL;
CREATE INDEX stores_published_by_updated_at ON stores (updated_at DESC, id) WHERE draft_id IS NOT NULL;

DROP INDEX products_by_name;
DROP INDEX products_by_usd_price;
CREATE INDEX products_drafts_by_name ON products (name, id) WHERE draft_id IS NULL;
CREATE INDEX products_published_by_name ON products (name, id) WHERE draft_id IS NOT NULL;
CREATE INDEX products_drafts_by_usd_price ON products (usd_price, id) WHERE draft_id IS NULL;
CREATE INDEX products_published_by_usd_price ON products (usd_price, id) WHERE draft_id IS NOT NULL;
CREATE INDEX products_drafts_by_created_at ON products (created_at DESC, id) WHERE draft_id IS NULL;
CREATE INDEX products_published_by_created_at ON products (created_at DESC, id) WHERE draft_id IS NOT NULL;
CREATE INDEX products_drafts_by_updated_at ON products (updated_at DESC, id) WHERE draft_id IS NULL;
CREATE INDEX products_published_by_updated_at ON products (updated_at DESC, id) WHERE draft_id IS NOT NULL;

DROP INDEX subscribers_by_email;
CREATE INDEX subscribers_drafts_by_email ON subscribers (email, id) WHERE draft_id IS NULL;
CREATE INDEX subscribers_published_by_email ON subscribers (email, id) WHERE draft_id IS NOT NULL;
CREATE INDEX subscribers_drafts_by_created_at ON subscribers (created_at DESC, id) WHERE draft_id IS NULL;
CREATE INDEX subscribers_published_by_created_at ON subscribers (created_at DESC, id) WHERE draft_id IS NOT NULL;
CREATE INDEX subscribers_drafts_by_updated_at ON subscribers (updated_at DESC, id) WHERE draft_id IS NULL;
CREATE INDEX subscribers_published_by_updated_at ON subscribers (updated_at DESC, id) WHERE draft_id IS NOT NULL;

-- The stores that are open, the latest first. With `draft_id` they are counted without a look at the rows.
CREATE INDEX stores_published_by_active ON stores (active, updated_at DESC, id, draft_id) WHERE draft_id IS NOT NULL;

-- Whether a product has a price in a range.
CREATE INDEX prices_by_owner ON prices (owner_id, price, owner_field);
