DROP TABLE inbound_notices;
DROP TABLE inbound_deliveries;
DROP TABLE inbound_addresses;
