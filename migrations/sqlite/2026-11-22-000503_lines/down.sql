DROP INDEX runs_in_line;
ALTER TABLE runs DROP COLUMN line;
