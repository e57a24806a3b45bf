-- Destinations that fail; one that does not has no row. `opened_at` says since when its breaker is open: its runs are
-- parked then, and one probe at a time goes out. `probed` is the extension record that the last probe was of.
CREATE TABLE destinations (
    name TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    failures BIGINT NOT NULL,
    failing_since BIGINT NOT NULL,
    opened_at BIGINT,
    next_probe_at BIGINT NOT NULL,
    probed BIGINT NOT NULL
);

-- Where a run goes, and what it is parked for while it waits: 0 nothing, 1 its destination is open, 2 an earlier run of
-- its line has not ended. `probes` counts attempts made ahead of its time, which do not use up `max_attempts`;
-- `not_before` is what the other side asked for.
ALTER TABLE runs ADD COLUMN destination TEXT COLLATE "C" NOT NULL DEFAULT '';
ALTER TABLE runs ADD COLUMN parked BIGINT NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN probes BIGINT NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN not_before BIGINT;
UPDATE runs SET destination = key WHERE state IN ('available', 'retryable', 'running');

DROP INDEX runs_due;
CREATE INDEX runs_waiting ON runs (parked, due_at, id) WHERE state IN ('available', 'retryable');
-- `|| ''` and `+ 0` keep these apart from the index of what waits: a statement that could use either might take the wrong
-- one, when the statistics are from a moment in which nothing waited.
CREATE INDEX runs_by_lane ON runs ((destination || ' ' || coalesce(store_document_id, '')), due_at, id)
    WHERE state || '' IN ('available', 'retryable') AND parked + 0 = 0;
CREATE INDEX runs_parked ON runs (destination, extension_id, due_at, id)
    WHERE state || '' IN ('available', 'retryable') AND parked + 0 = 1;
