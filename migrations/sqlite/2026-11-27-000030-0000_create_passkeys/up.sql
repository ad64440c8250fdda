-- Passkeys: what is stored of the credentials of users' authenticators (WebAuthn). They can be used
-- on the host `rp_id` alone. `user_handle` is what an authenticator knows the user by, the same for
-- all passkeys of a user. `sign_count` is the signature counter of the last login: one that does
-- not go forward is refused. `transports` is what browsers need to reach the authenticator.
CREATE TABLE passkeys (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    rp_id VARCHAR(253) NOT NULL,
    credential_id BLOB NOT NULL,
    user_handle BLOB NOT NULL,
    public_key BLOB NOT NULL,
    sign_count BIGINT NOT NULL,
    backup_eligible BIGINT NOT NULL,
    backed_up BIGINT NOT NULL,
    transports VARCHAR(200) NOT NULL,
    name VARCHAR(64) NOT NULL,
    created_at BIGINT NOT NULL,
    last_used_at BIGINT
);

CREATE UNIQUE INDEX passkeys_credential_id ON passkeys (credential_id);
CREATE INDEX passkeys_user_id ON passkeys (user_id);
CREATE INDEX passkeys_rp_id ON passkeys (rp_id);

-- Challenges that wait for the answer of an authenticator, by their digests. Each is good once, for
-- one purpose (1: registration, 2: login by passkey alone, 3: second factor), for the client that
-- asked for it, and for the user, where it was asked for by one.
CREATE TABLE passkey_challenges (
    digest BLOB PRIMARY KEY NOT NULL,
    purpose BIGINT NOT NULL,
    user_id BIGINT REFERENCES users (id) ON DELETE CASCADE,
    client BLOB NOT NULL,
    user_handle BLOB,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE INDEX passkey_challenges_user_id ON passkey_challenges (user_id);
CREATE INDEX passkey_challenges_expires_at ON passkey_challenges (expires_at);
