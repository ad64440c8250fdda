-- Keys are compared byte by byte, so that the index of the primary key serves ranges of keys
-- (all known clients of an account) whatever the language of the database is.
ALTER TABLE throttle ALTER COLUMN key TYPE VARCHAR(160) COLLATE "C";

-- The rows with the fewest failures are evicted first at the cap; the list for operators
-- begins at the other end.
CREATE INDEX throttle_fails ON throttle (fails, purge_at);
