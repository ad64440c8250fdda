-- One row a login. `digest` is the SHA-256 of the session id under its purpose, in hex:
-- the id itself is held by the client alone. `public_id` names the session to its owner
-- and opens nothing. Times are UTC seconds.
CREATE TABLE sessions (
    digest VARCHAR(64) PRIMARY KEY NOT NULL,
    public_id VARCHAR(36) NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ip VARCHAR(45),
    user_agent VARCHAR(250)
);

CREATE INDEX sessions_user_id ON sessions (user_id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);
CREATE INDEX sessions_last_seen_at ON sessions (last_seen_at);
