ALTER TABLE outbox DROP COLUMN has_token;
ALTER TABLE password_resets DROP COLUMN mailed;
DROP TABLE former_emails;
DROP TABLE verified_emails;
