-- Attempts in the order in which they come, and their index apart. In a table without rowids each of them, longer than a
-- quarter of a page, takes a page of its own.
CREATE TABLE attempts_by_row (
    run_id BIGINT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    message TEXT,
    data TEXT,
    exchanges TEXT NOT NULL,
    PRIMARY KEY (run_id, number)
);
INSERT INTO attempts_by_row (run_id, number, started_at, duration_ms, outcome, message, data, exchanges)
    SELECT run_id, number, started_at, duration_ms, outcome, message, data, exchanges FROM attempts;
DROP TABLE attempts;
ALTER TABLE attempts_by_row RENAME TO attempts;
