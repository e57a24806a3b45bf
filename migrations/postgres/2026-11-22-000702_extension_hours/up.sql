-- What the runs of each extension record came to in each hour, which is counted since 1970 in UTC: attempts made, and runs
-- that were completed by them or are dead.
CREATE TABLE extension_hours (
    extension_id BIGINT NOT NULL,
    hour BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    completed BIGINT NOT NULL,
    dead BIGINT NOT NULL,
    PRIMARY KEY (extension_id, hour)
);
CREATE INDEX extension_hours_by_hour ON extension_hours (hour);
