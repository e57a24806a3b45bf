-- How many events led to this one, each through the run of an extension record.
ALTER TABLE events ADD COLUMN depth BIGINT NOT NULL DEFAULT 0;
