DROP INDEX password_resets_expires_at;

DROP TRIGGER users_email_of_sessions;

CREATE TABLE wide_sessions (
    digest VARCHAR(64) PRIMARY KEY NOT NULL,
    public_id VARCHAR(36) NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ip VARCHAR(45),
    user_agent VARCHAR(250)
) WITHOUT ROWID;

INSERT INTO wide_sessions
    SELECT lower(hex(digest)),
        lower(substr(hex(public_id), 1, 8) || '-' || substr(hex(public_id), 9, 4) || '-'
            || substr(hex(public_id), 13, 4) || '-' || substr(hex(public_id), 17, 4) || '-'
            || substr(hex(public_id), 21)),
        user_id, created_at, last_seen_at, expires_at, ip, user_agent
    FROM sessions;

DROP TABLE sessions;
ALTER TABLE wide_sessions RENAME TO sessions;

CREATE INDEX sessions_user_id ON sessions (user_id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);
CREATE INDEX sessions_last_seen_at ON sessions (last_seen_at);
