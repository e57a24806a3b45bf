-- Runs that must happen one after the other, in the order of their events, have the same `line`.
ALTER TABLE runs ADD COLUMN line TEXT;
-- `event_id + 0`, so that no other index gives the order asked for.
CREATE INDEX runs_in_line ON runs (line, (event_id + 0), id)
    WHERE line IS NOT NULL AND state IN ('available', 'retryable', 'running');
