-- Which mails are sent first: 0 to a proved address or a known client, 1 to another account,
-- 2 to nobody.
ALTER TABLE outbox ADD COLUMN priority BIGINT NOT NULL DEFAULT 1;
CREATE INDEX outbox_priority ON outbox (priority, due_at, id);

-- The canonical form of an address can be longer than the address.
ALTER TABLE verified_emails ALTER COLUMN email_key TYPE TEXT;
ALTER TABLE former_emails ALTER COLUMN email_key TYPE TEXT;

-- Only a proved address is kept from others (`reserved`), and it is after the account was
-- deleted, too: then the row has no user.
ALTER TABLE former_emails ADD COLUMN reserved BIGINT NOT NULL DEFAULT 1;
ALTER TABLE former_emails ALTER COLUMN user_id DROP NOT NULL;
ALTER TABLE former_emails DROP CONSTRAINT former_emails_user_id_fkey;
ALTER TABLE former_emails ADD CONSTRAINT former_emails_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE SET NULL;
