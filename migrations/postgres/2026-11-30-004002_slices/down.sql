DROP INDEX extensions_by_owner_and_id;
DROP INDEX events_in_slices;
DROP INDEX events_undispatched;
CREATE INDEX events_undispatched ON events ((id + 0)) WHERE dispatched_at IS NULL;
ALTER TABLE events DROP COLUMN slice_after;
ALTER TABLE events DROP COLUMN slice_owner;
