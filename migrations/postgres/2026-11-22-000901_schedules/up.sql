-- When the schedule of a record's config is due next.
ALTER TABLE extensions ADD COLUMN next_tick BIGINT;
CREATE INDEX extensions_scheduled ON extensions (next_tick) WHERE next_tick IS NOT NULL;
