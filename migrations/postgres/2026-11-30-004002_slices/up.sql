-- How far the dispatch of an event has come that reaches too many records for one transaction: in which of its owners, by
-- place, and after which record of it. Null for an event whose runs are made in one go.
ALTER TABLE events ADD COLUMN slice_owner BIGINT;
ALTER TABLE events ADD COLUMN slice_after BIGINT;
DROP INDEX events_undispatched;
CREATE INDEX events_undispatched ON events ((id + 0)) WHERE dispatched_at IS NULL AND slice_owner IS NULL;
CREATE INDEX events_in_slices ON events ((id + 0)) WHERE dispatched_at IS NULL AND slice_owner IS NOT NULL;
-- A slice goes on after a record: their order by place may change meanwhile, that of their ids never does.
CREATE INDEX extensions_by_owner_and_id ON extensions (owner_field, owner_id, id);
