DROP INDEX runs_held;
UPDATE runs SET parked = 0 WHERE parked = 3;
ALTER TABLE runs DROP COLUMN limited_since;
ALTER TABLE runs DROP COLUMN limits;
DROP TABLE holds;
