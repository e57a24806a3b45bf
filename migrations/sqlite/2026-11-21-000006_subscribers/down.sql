DROP TABLE subscriber_stores;
DROP TABLE subscribers;
