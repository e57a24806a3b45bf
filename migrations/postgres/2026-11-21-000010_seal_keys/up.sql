-- The ids of the keys that credentials of this database are sealed with: a start with another key is refused.
CREATE TABLE seal_keys (
    key_id TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    created_at BIGINT NOT NULL
);
