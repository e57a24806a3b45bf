CREATE TABLE subscribers (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    draft_id BIGINT REFERENCES subscribers (id) ON DELETE CASCADE,
    document_id TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    published_at BIGINT,
    email TEXT,
    active BOOLEAN,
    email_verified BIGINT,
    newsletter_preferences TEXT,
    unsubscribed_at BIGINT,
    sendgrid_contact_id TEXT,
    sendgrid_list_ids TEXT,
    last_synced_at BIGINT,
    sync_status TEXT
);
CREATE UNIQUE INDEX subscribers_drafts ON subscribers (document_id) WHERE draft_id IS NULL;
CREATE UNIQUE INDEX subscribers_published ON subscribers (document_id) WHERE draft_id IS NOT NULL;
CREATE UNIQUE INDEX subscribers_by_draft ON subscribers (draft_id) WHERE draft_id IS NOT NULL;
CREATE INDEX subscribers_by_email ON subscribers (email);

CREATE TABLE subscriber_stores (
    subscriber_id BIGINT NOT NULL REFERENCES subscribers (id) ON DELETE CASCADE,
    published BOOLEAN NOT NULL,
    store_id BIGINT NOT NULL REFERENCES stores (id) ON DELETE CASCADE,
    position BIGINT NOT NULL,
    inverse_position BIGINT NOT NULL,
    PRIMARY KEY (subscriber_id, published, store_id)
) WITHOUT ROWID;
CREATE INDEX subscriber_stores_by_store ON subscriber_stores (store_id, published, inverse_position);
