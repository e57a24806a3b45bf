-- What a token of the kind `custom` may do: `store.find,store.findOne`.
ALTER TABLE tokens ADD COLUMN permissions TEXT COLLATE "C";
