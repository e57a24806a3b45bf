-- Draft and published version of a document are two rows: the draft's row is the document's identity (`draft_id` null)
-- and stays; the published row points to it and is made anew at each publish.
CREATE TABLE stores (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    draft_id BIGINT REFERENCES stores (id) ON DELETE CASCADE,
    document_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    published_at BIGINT,
    title TEXT,
    slug TEXT,
    active BOOLEAN,
    description TEXT,
    settings TEXT,
    stripe_customer_id TEXT
);
CREATE UNIQUE INDEX stores_drafts ON stores (document_id) WHERE draft_id IS NULL;
CREATE UNIQUE INDEX stores_published ON stores (document_id) WHERE draft_id IS NOT NULL;
CREATE UNIQUE INDEX stores_by_draft ON stores (draft_id) WHERE draft_id IS NOT NULL;
CREATE INDEX stores_by_slug ON stores (slug);
CREATE UNIQUE INDEX stores_unique_slug ON stores (slug) WHERE draft_id IS NOT NULL AND slug <> '';
