DROP INDEX runs_parked;
DROP INDEX runs_by_lane;
DROP INDEX runs_waiting;
CREATE INDEX runs_due ON runs (due_at, id) WHERE state IN ('available', 'retryable');
ALTER TABLE runs DROP COLUMN not_before;
ALTER TABLE runs DROP COLUMN probes;
ALTER TABLE runs DROP COLUMN parked;
ALTER TABLE runs DROP COLUMN destination;
DROP TABLE destinations;
