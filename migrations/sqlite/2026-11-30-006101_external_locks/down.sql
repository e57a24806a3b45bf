DROP TABLE external_locks;
