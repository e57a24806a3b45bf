CREATE TABLE attempts_by_run (
    run_id BIGINT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    number BIGINT NOT NULL,
    started_at BIGINT NOT NULL,
    duration_ms BIGINT NOT NULL,
    outcome TEXT NOT NULL,
    message TEXT,
    data TEXT,
    exchanges TEXT NOT NULL,
    PRIMARY KEY (run_id, number)
) WITHOUT ROWID;
INSERT INTO attempts_by_run SELECT run_id, number, started_at, duration_ms, outcome, message, data, exchanges FROM attempts;
DROP TABLE attempts;
ALTER TABLE attempts_by_run RENAME TO attempts;
