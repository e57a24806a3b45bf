-- One table for each component. `owner_field` is `product.PRICES`, `owner_id` the row of the version that holds the item.
CREATE TABLE seos (
    owner_field TEXT COLLATE "C" NOT NULL,
    owner_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    meta_title TEXT COLLATE "C",
    meta_description TEXT COLLATE "C",
    meta_keywords TEXT COLLATE "C",
    meta_author TEXT COLLATE "C",
    meta_url TEXT COLLATE "C",
    meta_date BIGINT,
    exclude_from_search BOOLEAN,
    PRIMARY KEY (owner_field, owner_id, id)
);

CREATE TABLE urls (
    owner_field TEXT COLLATE "C" NOT NULL,
    owner_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    label TEXT COLLATE "C",
    url TEXT COLLATE "C",
    PRIMARY KEY (owner_field, owner_id, id)
);

CREATE TABLE tags (
    owner_field TEXT COLLATE "C" NOT NULL,
    owner_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    label TEXT COLLATE "C",
    color TEXT COLLATE "C",
    PRIMARY KEY (owner_field, owner_id, id)
);

CREATE TABLE prices (
    owner_field TEXT COLLATE "C" NOT NULL,
    owner_id BIGINT NOT NULL,
    id BIGINT NOT NULL,
    position BIGINT NOT NULL,
    name TEXT COLLATE "C",
    price NUMERIC,
    stripe_id TEXT COLLATE "C",
    currency TEXT COLLATE "C",
    description TEXT COLLATE "C",
    hidden BOOLEAN,
    extra TEXT COLLATE "C",
    inventory BIGINT,
    billing_type TEXT COLLATE "C",
    billing_interval TEXT COLLATE "C",
    billing_interval_count BIGINT,
    ships_to TEXT COLLATE "C",
    PRIMARY KEY (owner_field, owner_id, id)
);
CREATE INDEX prices_by_price ON prices (price);
CREATE INDEX prices_by_id ON prices (id);
