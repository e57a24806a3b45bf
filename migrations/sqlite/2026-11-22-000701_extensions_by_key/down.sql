DROP INDEX extensions_active_by_key;
