ALTER TABLE factor_changes DROP COLUMN mail_id;
