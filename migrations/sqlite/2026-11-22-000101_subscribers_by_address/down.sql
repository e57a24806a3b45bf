DROP INDEX subscribers_by_address;
