-- Which address of a user is known to be read by that user: the one that somebody has proved,
-- by its canonical form. A user with another address by now has proved nothing.
CREATE TABLE verified_emails (
    user_id BIGINT PRIMARY KEY NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    email_key VARCHAR(250) NOT NULL,
    verified_at BIGINT NOT NULL
);

-- The addresses that users had until lately. Until `expires_at` nobody else gets one, and
-- whoever reads its mail can take it back. `digest` is the SHA-256 of the token for that;
-- there is none before the mail with it is sent.
CREATE TABLE former_emails (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    email VARCHAR(250) NOT NULL,
    email_key VARCHAR(250) NOT NULL,
    digest VARCHAR(64) UNIQUE,
    changed_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX former_emails_user_id ON former_emails (user_id);
CREATE INDEX former_emails_email_key ON former_emails (email_key);
CREATE INDEX former_emails_expires_at ON former_emails (expires_at);

-- Whether the token went by mail: who comes with it reads that mail, then.
ALTER TABLE password_resets ADD COLUMN mailed BIGINT NOT NULL DEFAULT 0;

-- Whether a mail will have a token in it: then it goes when the tokens of its user do.
ALTER TABLE outbox ADD COLUMN has_token BIGINT NOT NULL DEFAULT 0;
