-- What lets the owner of an address set a new password: one a user, the newest. `digest` is
-- the SHA-256 of the token under its purpose, in hex; the token itself is only in the mail.
-- Times are UTC seconds.
CREATE TABLE password_resets (
    user_id BIGINT PRIMARY KEY NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    digest VARCHAR(64) UNIQUE NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

-- What proves that somebody reads the mail of an address. `purpose` says what for, `email`
-- is the address where it is not the user's already.
CREATE TABLE email_tokens (
    digest VARCHAR(64) PRIMARY KEY NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    purpose VARCHAR(20) NOT NULL,
    email VARCHAR(250),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX email_tokens_user_id ON email_tokens (user_id);
CREATE INDEX email_tokens_expires_at ON email_tokens (expires_at);

-- Mails that are to be sent. A row names the user, the letter and what the letter says, in
-- JSON, and holds no token: that is made when the mail is sent. A row without a user is what
-- a request for an unknown address leaves, so that it cannot be told from others.
-- `claimed_until` is how long the worker that has the row in its hands may take.
CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    user_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
    letter VARCHAR(40) NOT NULL,
    details TEXT,
    created_at BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    claimed_until BIGINT NOT NULL
);

CREATE INDEX outbox_user_id ON outbox (user_id);
CREATE INDEX outbox_due_at ON outbox (due_at);
