-- How often a document was changed; both versions have the document's number. It stands in ETags, for If-Match.
ALTER TABLE stores ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
ALTER TABLE products ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
ALTER TABLE subscribers ADD COLUMN revision BIGINT NOT NULL DEFAULT 0;
