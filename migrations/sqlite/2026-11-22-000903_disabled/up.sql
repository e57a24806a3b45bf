-- Since when a record has failed without a success, and why the runner has switched it off, until someone switches it on.
ALTER TABLE extensions ADD COLUMN failing_since BIGINT;
ALTER TABLE extensions ADD COLUMN disabled_reason TEXT;
