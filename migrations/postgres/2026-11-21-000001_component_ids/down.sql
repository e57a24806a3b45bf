DROP SEQUENCE component_ids;
