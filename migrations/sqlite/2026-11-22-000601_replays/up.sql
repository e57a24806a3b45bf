-- `replay_of` is the uid of the run that a replay repeats; `cause` says why there is a run that someone asked for.
ALTER TABLE runs ADD COLUMN replay_of TEXT;
ALTER TABLE runs ADD COLUMN cause TEXT;

-- Lists by what is rare must not walk over everything else.
CREATE INDEX runs_by_key ON runs (key, id);
CREATE INDEX events_by_trigger ON events (trigger, id);
CREATE INDEX events_by_store ON events (store_document_id, id);
