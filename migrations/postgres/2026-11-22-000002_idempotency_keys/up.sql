-- What callers sent under an Idempotency-Key and were answered, for a day.
CREATE TABLE idempotency_keys (
    key TEXT COLLATE "C" PRIMARY KEY NOT NULL,
    request TEXT COLLATE "C" NOT NULL,
    etag TEXT COLLATE "C",
    body TEXT COLLATE "C",
    created_at BIGINT NOT NULL
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);
