DROP INDEX extensions_scheduled;
ALTER TABLE extensions DROP COLUMN next_tick;
