ALTER TABLE tokens DROP COLUMN permissions;
