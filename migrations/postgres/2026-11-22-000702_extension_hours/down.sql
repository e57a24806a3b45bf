DROP TABLE extension_hours;
