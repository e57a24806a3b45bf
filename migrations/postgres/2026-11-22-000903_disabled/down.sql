ALTER TABLE extensions DROP COLUMN disabled_reason;
ALTER TABLE extensions DROP COLUMN failing_since;
