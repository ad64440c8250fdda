-- The user whose email the key has a digest of, at the last attempt: lists for operators find the email by
-- it. No reference: the count outlives the account. None for other keys, an address without an account,
-- and attempts that an earlier version counted.
ALTER TABLE throttle ADD COLUMN user_id BIGINT;
