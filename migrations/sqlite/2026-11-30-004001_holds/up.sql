-- Lanes (a destination, a space and a store) whose receiver answered with a limit. None of their runs goes out before
-- `until`; after it, as many as there are `credits`, while `is_out` is 1 and each that goes through gives two more.
CREATE TABLE holds (
    lane TEXT PRIMARY KEY NOT NULL,
    since BIGINT NOT NULL,
    until BIGINT NOT NULL,
    credits BIGINT NOT NULL,
    is_out BIGINT NOT NULL
);

-- `limits` counts the attempts that met a limit, which do not use up `max_attempts`; `limited_since` is when the first
-- of them did. A run whose lane is held back has 3 in `parked`.
ALTER TABLE runs ADD COLUMN limits BIGINT NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN limited_since BIGINT;
CREATE INDEX runs_held ON runs ((destination || ' ' || coalesce(store_document_id, '')), due_at, id)
    WHERE state || '' IN ('available', 'retryable') AND parked + 0 = 3;
