-- The outbox. `uid` is the id the world sees; `owners` says whose extension records the event reaches, as they stood
-- when it was committed: [["store.extensions", 3], ...].
CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    uid TEXT NOT NULL,
    trigger TEXT NOT NULL,
    occurred_at BIGINT NOT NULL,
    target TEXT NOT NULL,
    target_document_id TEXT NOT NULL,
    store TEXT,
    store_document_id TEXT,
    owners TEXT NOT NULL,
    data TEXT,
    changes TEXT,
    payload TEXT,
    actor TEXT NOT NULL,
    idempotency_key TEXT,
    dispatched_at BIGINT
);
CREATE UNIQUE INDEX events_by_uid ON events (uid);
CREATE UNIQUE INDEX events_by_idempotency_key ON events (idempotency_key) WHERE idempotency_key IS NOT NULL;
CREATE INDEX events_undispatched ON events (id) WHERE dispatched_at IS NULL;
CREATE INDEX events_by_target ON events (target_document_id, id);
CREATE INDEX events_by_time ON events (occurred_at);
