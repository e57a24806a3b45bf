-- Ids of component items. An item keeps its id when its document is published, so ids are drawn here and not by the tables.
CREATE SEQUENCE component_ids;
