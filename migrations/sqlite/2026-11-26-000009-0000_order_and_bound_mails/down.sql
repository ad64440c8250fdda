CREATE TABLE former_emails_old (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    email VARCHAR(250) NOT NULL,
    email_key VARCHAR(250) NOT NULL,
    digest VARCHAR(64) UNIQUE,
    changed_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
INSERT INTO former_emails_old (id, user_id, email, email_key, digest, changed_at, expires_at)
    SELECT id, user_id, email, email_key, digest, changed_at, expires_at FROM former_emails
    WHERE user_id IS NOT NULL;
DROP TABLE former_emails;
ALTER TABLE former_emails_old RENAME TO former_emails;
CREATE INDEX former_emails_user_id ON former_emails (user_id);
CREATE INDEX former_emails_email_key ON former_emails (email_key);
CREATE INDEX former_emails_expires_at ON former_emails (expires_at);

CREATE TABLE verified_emails_old (
    user_id BIGINT PRIMARY KEY NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    email_key VARCHAR(250) NOT NULL,
    verified_at BIGINT NOT NULL
);
INSERT INTO verified_emails_old (user_id, email_key, verified_at)
    SELECT user_id, email_key, verified_at FROM verified_emails;
DROP TABLE verified_emails;
ALTER TABLE verified_emails_old RENAME TO verified_emails;

DROP INDEX outbox_priority;
ALTER TABLE outbox DROP COLUMN priority;
