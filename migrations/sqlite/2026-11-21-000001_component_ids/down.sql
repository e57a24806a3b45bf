DROP TABLE component_ids;
