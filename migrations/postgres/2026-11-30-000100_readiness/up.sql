-- One row that is written to see whether the database can be written.
CREATE TABLE readiness (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    written_at BIGINT NOT NULL,
    -- Used on SQLite only: PostgreSQL makes the files of its log in advance.
    filler BYTEA
);
INSERT INTO readiness (id, written_at, filler) VALUES (1, 0, NULL);
