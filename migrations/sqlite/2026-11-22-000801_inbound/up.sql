-- The addresses that services send to: a secret token for each extension record that was asked for its own, sealed; and
-- how many deliveries to it were refused.
CREATE TABLE inbound_addresses (
    extension_id BIGINT PRIMARY KEY NOT NULL,
    token TEXT NOT NULL,
    refused BIGINT NOT NULL DEFAULT 0,
    refused_at BIGINT,
    refusal TEXT
);
-- What was sent there, was the service's own and told something new. `body` is base64 where it is not UTF-8.
CREATE TABLE inbound_deliveries (
    id INTEGER PRIMARY KEY NOT NULL,
    extension_id BIGINT NOT NULL,
    received_at BIGINT NOT NULL,
    headers TEXT NOT NULL,
    body TEXT NOT NULL,
    is_base64 BOOLEAN NOT NULL
);
CREATE INDEX inbound_deliveries_by_extension ON inbound_deliveries (extension_id, id);
CREATE INDEX inbound_deliveries_by_time ON inbound_deliveries (received_at);
-- What deliveries tell of, each once for a record: `notice` is the service's own id of it, `place` where in the delivery
-- it stood, `event_uid` the event that it became.
CREATE TABLE inbound_notices (
    extension_id BIGINT NOT NULL,
    notice TEXT NOT NULL,
    delivery_id BIGINT NOT NULL REFERENCES inbound_deliveries (id) ON DELETE CASCADE,
    place BIGINT NOT NULL,
    kind TEXT,
    event_uid TEXT,
    PRIMARY KEY (extension_id, notice)
);
CREATE INDEX inbound_notices_by_delivery ON inbound_notices (delivery_id, place);
