-- The rows with the fewest failures are evicted first at the cap; the list for operators
-- begins at the other end.
CREATE INDEX throttle_fails ON throttle (fails, purge_at);
