-- `attempt` counts all attempts, `lost` those of them whose worker vanished, which do not use up `max_attempts`.
-- `replay` is 0 for the run that the event made, and counts up with each replay of it.
CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    uid TEXT NOT NULL,
    event_id BIGINT NOT NULL REFERENCES events (id) ON DELETE CASCADE,
    extension_id BIGINT NOT NULL,
    replay BIGINT NOT NULL,
    key TEXT NOT NULL,
    owner_field TEXT NOT NULL,
    owner_id BIGINT NOT NULL,
    store_document_id TEXT,
    pattern TEXT,
    state TEXT NOT NULL,
    attempt BIGINT NOT NULL,
    lost BIGINT NOT NULL DEFAULT 0,
    max_attempts BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    lease_until BIGINT,
    reason TEXT,
    created_at BIGINT NOT NULL,
    finished_at BIGINT
);
CREATE UNIQUE INDEX runs_by_uid ON runs (uid);
CREATE UNIQUE INDEX runs_by_event ON runs (event_id, extension_id, replay);
CREATE INDEX runs_due ON runs (due_at, id) WHERE state IN ('available', 'retryable');
CREATE INDEX runs_leased ON runs (lease_until) WHERE state = 'running';
CREATE INDEX runs_by_extension ON runs (extension_id, id);
CREATE INDEX runs_ended_badly ON runs (state, id) WHERE state IN ('dead', 'cancelled', 'skipped');
CREATE INDEX runs_by_store ON runs (store_document_id, id);

CREATE TABLE attempts (
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
