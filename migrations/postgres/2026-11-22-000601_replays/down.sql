DROP INDEX events_by_store;
DROP INDEX events_by_trigger;
DROP INDEX runs_by_key;
ALTER TABLE runs DROP COLUMN cause;
ALTER TABLE runs DROP COLUMN replay_of;
