-- Extension records belong to the document (or the price), not to one of its versions: `owner_id` is the row of the
-- draft, or the id of the price item, and the same record shows in both versions.
CREATE TABLE extensions (
    id INTEGER PRIMARY KEY NOT NULL,
    owner_field TEXT NOT NULL,
    owner_id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    key TEXT,
    triggers TEXT,
    credentials TEXT,
    credentials_mask TEXT,
    config TEXT,
    url TEXT,
    active BOOLEAN,
    last_run BIGINT,
    run_count BIGINT NOT NULL DEFAULT 0,
    meta TEXT,
    removed_at BIGINT
);
CREATE INDEX extensions_by_owner ON extensions (owner_field, owner_id, position);
CREATE INDEX extensions_removed ON extensions (removed_at) WHERE removed_at IS NOT NULL;
