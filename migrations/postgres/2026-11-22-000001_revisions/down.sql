ALTER TABLE subscribers DROP COLUMN revision;
ALTER TABLE products DROP COLUMN revision;
ALTER TABLE stores DROP COLUMN revision;
