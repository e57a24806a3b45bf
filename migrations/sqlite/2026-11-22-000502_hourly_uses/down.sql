DROP TABLE hourly_uses;
