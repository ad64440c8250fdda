-- How strongly the user of a session has authenticated: 1, by password; 2, by a second factor too.
ALTER TABLE sessions ADD COLUMN level BIGINT NOT NULL DEFAULT 1;

-- The secret of a user's authenticator app, encrypted under a key that is not in the database.
-- Until it is confirmed by a code it is asked for at no login. `last_step` is the last time step
-- (of 30 seconds) whose code was accepted: no code is accepted twice.
CREATE TABLE totp (
    user_id BIGINT PRIMARY KEY NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    secret BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    confirmed_at BIGINT,
    last_step BIGINT NOT NULL DEFAULT 0
);

-- Cleanup reads only those that were never confirmed.
CREATE INDEX totp_pending ON totp (confirmed_at, created_at);

-- Codes that stand in for a lost second factor, by their digests. A code that is used is deleted.
CREATE TABLE recovery_codes (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    digest BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, digest)
);

-- Logins whose password was right and whose second factor is due. `client` is a digest of the
-- client that gave the password: no other one can go on with the login.
CREATE TABLE pending_logins (
    digest BYTEA PRIMARY KEY NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX pending_logins_user_id ON pending_logins (user_id);
CREATE INDEX pending_logins_expires_at ON pending_logins (expires_at);

-- A known text, encrypted under the key that the secrets are encrypted under: one row, by which a
-- start notices another key.
CREATE TABLE secret_key_check (
    id BIGINT PRIMARY KEY NOT NULL,
    sealed BYTEA NOT NULL
);
