DROP INDEX events_undispatched;
CREATE INDEX events_undispatched ON events (id) WHERE dispatched_at IS NULL;
