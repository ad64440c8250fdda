-- The mail with the token of a change (`outbox.id`), which tells two changes of one second apart. None
-- for a change without a mail, or of an earlier version.
ALTER TABLE factor_changes ADD COLUMN mail_id BIGINT;
