-- `id + 0`, so that no other index gives the order asked for: one of every event there ever was would be walked from its
-- beginning when the statistics are from a moment in which most events were not dispatched yet.
DROP INDEX events_undispatched;
CREATE INDEX events_undispatched ON events ((id + 0)) WHERE dispatched_at IS NULL;
