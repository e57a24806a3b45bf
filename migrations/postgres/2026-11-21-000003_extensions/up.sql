-- Extension records belong to the document (or the price), not to one of its versions: `owner_id` is the row of the
-- draft, or the id of the price item, and the same record shows in both versions.
CREATE TABLE extensions (
    id BIGINT PRIMARY KEY,
    owner_field TEXT COLLATE "C" NOT NULL,
    owner_id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    key TEXT COLLATE "C",
    triggers TEXT COLLATE "C",
    credentials TEXT COLLATE "C",
    credentials_mask TEXT COLLATE "C",
    config TEXT COLLATE "C",
    url TEXT COLLATE "C",
    active BOOLEAN,
    last_run BIGINT,
    run_count BIGINT NOT NULL DEFAULT 0,
    meta TEXT COLLATE "C",
    removed_at BIGINT
);
CREATE INDEX extensions_by_owner ON extensions (owner_field, owner_id, position);
CREATE INDEX extensions_removed ON extensions (removed_at) WHERE removed_at IS NOT NULL;
