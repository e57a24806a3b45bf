-- Ids of component items. An item keeps its id when its document is published, so ids are drawn here and not by the tables.
CREATE TABLE component_ids (
    next BIGINT NOT NULL
);
INSERT INTO component_ids (next) VALUES (1);
