-- When the deletion of a group began. From then on the group grants nothing; its rows are removed a bounded
-- number at a time.
ALTER TABLE groups ADD COLUMN deleted_at BIGINT;
