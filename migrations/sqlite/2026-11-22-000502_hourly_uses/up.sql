-- How many attempts were made under an hourly limit. `scope` is a handler's key and a store, or an extension record;
-- `hour` is counted since 1970 in UTC.
CREATE TABLE hourly_uses (
    scope TEXT NOT NULL,
    hour BIGINT NOT NULL,
    used BIGINT NOT NULL,
    PRIMARY KEY (scope, hour)
) WITHOUT ROWID;
