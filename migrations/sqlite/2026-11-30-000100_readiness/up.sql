-- One row that is written to see whether the database can be written.
CREATE TABLE readiness (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    written_at BIGINT NOT NULL
);
