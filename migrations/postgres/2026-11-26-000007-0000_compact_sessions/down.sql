DROP INDEX password_resets_expires_at;

DROP TRIGGER users_email_of_sessions ON users;
DROP FUNCTION users_email_of_sessions();

CREATE TABLE wide_sessions (
    digest VARCHAR(64) PRIMARY KEY NOT NULL,
    public_id VARCHAR(36) NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ip VARCHAR(45),
    user_agent VARCHAR(250)
);

INSERT INTO wide_sessions
    SELECT encode(digest, 'hex'), encode(public_id, 'hex')::uuid::text, user_id, created_at,
        last_seen_at, expires_at, ip, user_agent
    FROM sessions;

DROP TABLE sessions;
ALTER TABLE wide_sessions RENAME TO sessions;
ALTER INDEX wide_sessions_pkey RENAME TO sessions_pkey;
ALTER TABLE sessions RENAME CONSTRAINT wide_sessions_user_id_fkey TO sessions_user_id_fkey;

CREATE INDEX sessions_user_id ON sessions (user_id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);
CREATE INDEX sessions_last_seen_at ON sessions (last_seen_at);
