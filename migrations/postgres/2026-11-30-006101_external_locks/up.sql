-- What one attempt at a time may make or change at an outside service: a contact by its address, an article by its number.
-- `holder` is null while nobody holds it; it can be taken over after `held_until`. `as_of` is when the latest event happened
-- whose values were written there.
CREATE TABLE external_locks (
    name TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    holder TEXT,
    held_until BIGINT NOT NULL,
    as_of BIGINT
);
CREATE INDEX external_locks_by_time ON external_locks (held_until);
