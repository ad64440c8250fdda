-- Which mails are sent first: 0 to a proved address or a known client, 1 to another account,
-- 2 to nobody.
ALTER TABLE outbox ADD COLUMN priority BIGINT NOT NULL DEFAULT 1;
CREATE INDEX outbox_priority ON outbox (priority, due_at, id);

-- The canonical form of an address can be longer than the address.
CREATE TABLE verified_emails_new (
    user_id BIGINT PRIMARY KEY NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    email_key TEXT NOT NULL,
    verified_at BIGINT NOT NULL
);
INSERT INTO verified_emails_new (user_id, email_key, verified_at)
    SELECT user_id, email_key, verified_at FROM verified_emails;
DROP TABLE verified_emails;
ALTER TABLE verified_emails_new RENAME TO verified_emails;

-- Only a proved address is kept from others (`reserved`), and it is after the account was
-- deleted, too: then the row has no user.
CREATE TABLE former_emails_new (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    user_id BIGINT REFERENCES users (id) ON DELETE SET NULL,
    email VARCHAR(250) NOT NULL,
    email_key TEXT NOT NULL,
    digest VARCHAR(64) UNIQUE,
    changed_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    reserved BIGINT NOT NULL DEFAULT 1
);
INSERT INTO former_emails_new (id, user_id, email, email_key, digest, changed_at, expires_at)
    SELECT id, user_id, email, email_key, digest, changed_at, expires_at FROM former_emails;
DROP TABLE former_emails;
ALTER TABLE former_emails_new RENAME TO former_emails;
CREATE INDEX former_emails_user_id ON former_emails (user_id);
CREATE INDEX former_emails_email_key ON former_emails (email_key);
CREATE INDEX former_emails_expires_at ON former_emails (expires_at);
