-- How many active records use each handler is counted without a look at the records.
CREATE INDEX extensions_active_by_key ON extensions (key) WHERE active AND removed_at IS NULL;
