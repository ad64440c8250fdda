DROP TABLE secret_key_check;
DROP TABLE pending_logins;
DROP TABLE recovery_codes;
DROP TABLE totp;
ALTER TABLE sessions DROP COLUMN level;
