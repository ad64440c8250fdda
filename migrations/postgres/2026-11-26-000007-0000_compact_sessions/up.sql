-- Sessions for millions of rows. `digest` is 32 bytes instead of 64 hex digits. `public_id` is a
-- UUIDv7 of 16 bytes, so that (user_id, public_id) serves the list of a user's sessions, its
-- pages, and the look-up by name, newest first without a sort. `email` is a copy of the user's,
-- kept by the trigger below: a request's session and user are one row. `cleanup_at` is when
-- cleanup looks at the row: never later than its end unless it was used since. A use changes
-- `last_seen_at` alone, which no index has; the free space in each page keeps it there (HOT).
CREATE TABLE compact_sessions (
    digest BYTEA PRIMARY KEY NOT NULL,
    public_id BYTEA NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    email VARCHAR(250) NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    cleanup_at BIGINT NOT NULL,
    ip VARCHAR(45),
    user_agent VARCHAR(250)
) WITH (fillfactor = 90);

INSERT INTO compact_sessions
    SELECT decode(sessions.digest, 'hex'),
        decode(lpad(to_hex(greatest(0, sessions.created_at) * 1000), 12, '0') || '7'
            || substr(md5(random()::text), 1, 3) || '8' || substr(md5(random()::text), 1, 15), 'hex'),
        sessions.user_id, users.email, sessions.created_at, last_seen_at, expires_at,
        least(expires_at, last_seen_at + 86400), ip, user_agent
    FROM sessions JOIN users ON users.id = sessions.user_id
    WHERE sessions.digest ~ '^[0-9a-f]{64}$';

DROP TABLE sessions;
ALTER TABLE compact_sessions RENAME TO sessions;
ALTER INDEX compact_sessions_pkey RENAME TO sessions_pkey;
ALTER TABLE sessions RENAME CONSTRAINT compact_sessions_user_id_fkey TO sessions_user_id_fkey;

CREATE UNIQUE INDEX sessions_user_id_public_id ON sessions (user_id, public_id);
CREATE INDEX sessions_cleanup_at ON sessions (cleanup_at);

CREATE FUNCTION users_email_of_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sessions SET email = NEW.email WHERE user_id = NEW.id;
    RETURN NULL;
END
$$;

CREATE TRIGGER users_email_of_sessions AFTER UPDATE OF email ON users
FOR EACH ROW WHEN (NEW.email IS DISTINCT FROM OLD.email)
EXECUTE FUNCTION users_email_of_sessions();

-- Cleanup reads the expired ones only.
CREATE INDEX password_resets_expires_at ON password_resets (expires_at);
