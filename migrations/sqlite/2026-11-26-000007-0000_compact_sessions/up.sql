-- Sessions for millions of rows. `digest` is 32 bytes instead of 64 hex digits. `public_id` is a
-- UUIDv7 of 16 bytes, so that (user_id, public_id) serves the list of a user's sessions, its
-- pages, and the look-up by name, newest first without a sort. `email` is a copy of the user's,
-- kept by the trigger below: a request's session and user are one row. `cleanup_at` is when
-- cleanup looks at the row: never later than its end unless it was used since. A use changes
-- `last_seen_at` alone, which no index has.
CREATE TABLE compact_sessions (
    digest BLOB PRIMARY KEY NOT NULL,
    public_id BLOB NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    email VARCHAR(250) NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    cleanup_at BIGINT NOT NULL,
    ip VARCHAR(45),
    user_agent VARCHAR(250)
) WITHOUT ROWID;

INSERT INTO compact_sessions
    SELECT unhex(sessions.digest),
        unhex(printf('%012x', max(0, sessions.created_at) * 1000) || '7' || substr(hex(randomblob(2)), 1, 3)
            || '8' || substr(hex(randomblob(8)), 1, 15)),
        sessions.user_id, users.email, sessions.created_at, last_seen_at, expires_at,
        min(expires_at, last_seen_at + 86400), ip, user_agent
    FROM sessions JOIN users ON users.id = sessions.user_id
    WHERE length(unhex(sessions.digest)) = 32
    ORDER BY 1;

DROP TABLE sessions;
ALTER TABLE compact_sessions RENAME TO sessions;

CREATE UNIQUE INDEX sessions_user_id_public_id ON sessions (user_id, public_id);
CREATE INDEX sessions_cleanup_at ON sessions (cleanup_at);

CREATE TRIGGER users_email_of_sessions AFTER UPDATE OF email ON users
WHEN NEW.email <> OLD.email
BEGIN
    UPDATE sessions SET email = NEW.email WHERE user_id = NEW.id;
END;

-- Cleanup reads the expired ones only.
CREATE INDEX password_resets_expires_at ON password_resets (expires_at);
