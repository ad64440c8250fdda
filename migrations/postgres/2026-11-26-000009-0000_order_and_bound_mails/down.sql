DELETE FROM former_emails WHERE user_id IS NULL OR length(email_key) > 250;
DELETE FROM verified_emails WHERE length(email_key) > 250;
ALTER TABLE former_emails DROP CONSTRAINT former_emails_user_id_fkey;
ALTER TABLE former_emails ADD CONSTRAINT former_emails_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE;
ALTER TABLE former_emails ALTER COLUMN user_id SET NOT NULL;
ALTER TABLE former_emails DROP COLUMN reserved;
ALTER TABLE former_emails ALTER COLUMN email_key TYPE VARCHAR(250);
ALTER TABLE verified_emails ALTER COLUMN email_key TYPE VARCHAR(250);
DROP INDEX outbox_priority;
ALTER TABLE outbox DROP COLUMN priority;
