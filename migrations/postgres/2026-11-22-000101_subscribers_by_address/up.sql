-- Who subscribes again is found whatever the case of the address.
CREATE INDEX subscribers_by_address ON subscribers (lower(email)) WHERE draft_id IS NULL;
