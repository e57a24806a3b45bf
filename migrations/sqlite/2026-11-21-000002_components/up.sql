-- One table for each component. `owner_field` is `product.PRICES`, `owner_id` the row of the version that holds the item.
CREATE TABLE seos (
    owner_field TEXT NOT NULL,
    owner_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    meta_title TEXT,
    meta_description TEXT,
    meta_keywords TEXT,
    meta_author TEXT,
    meta_url TEXT,
    meta_date BIGINT,
    exclude_from_search BOOLEAN,
    PRIMARY KEY (owner_field, owner_id, id)
) WITHOUT ROWID;

CREATE TABLE urls (
    owner_field TEXT NOT NULL,
    owner_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    label TEXT,
    url TEXT,
    PRIMARY KEY (owner_field, owner_id, id)
) WITHOUT ROWID;

CREATE TABLE tags (
    owner_field TEXT NOT NULL,
    owner_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    label TEXT,
    color TEXT,
    PRIMARY KEY (owner_field, owner_id, id)
) WITHOUT ROWID;

CREATE TABLE prices (
    owner_field TEXT NOT NULL,
    owner_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    name TEXT,
    price TEXT COLLATE DECIMAL,
    stripe_id TEXT,
    currency TEXT,
    description TEXT,
    hidden BOOLEAN,
    extra TEXT,
    inventory BIGINT,
    billing_type TEXT,
    billing_interval TEXT,
    billing_interval_count BIGINT,
    ships_to TEXT,
    PRIMARY KEY (owner_field, owner_id, id)
) WITHOUT ROWID;
CREATE INDEX prices_by_price ON prices (price);
CREATE INDEX prices_by_id ON prices (id);
