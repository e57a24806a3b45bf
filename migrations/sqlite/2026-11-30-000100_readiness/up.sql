-- One row that is written to see whether the database can be written.
CREATE TABLE readiness (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    written_at BIGINT NOT NULL,
    -- As many bytes as a usual change takes, so that a disk with less room than that counts as full.
    filler BLOB
);
-- A number as long as those that follow: a row that keeps its size is overwritten in place.
INSERT INTO readiness (id, written_at, filler) VALUES (1, 1000 * unixepoch(), zeroblob(65536));
