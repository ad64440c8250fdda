-- The login of a session on the host of an application. `digest` is of the cookie and the
-- origin, so that the cookie is good on that host alone. It ends with the session.
CREATE TABLE app_sessions (
    digest BLOB PRIMARY KEY NOT NULL,
    app_name VARCHAR(64) NOT NULL REFERENCES apps (name) ON DELETE CASCADE,
    session_digest BLOB NOT NULL REFERENCES sessions (digest) ON DELETE CASCADE,
    created_at BIGINT NOT NULL
) WITHOUT ROWID;

-- One for each session and application: another login there replaces it.
CREATE UNIQUE INDEX app_sessions_app_name ON app_sessions (app_name, session_digest);
CREATE INDEX app_sessions_session_digest ON app_sessions (session_digest);

-- What a browser takes from the login to the host of an application, once. `state` is the digest
-- of a cookie on that host, so that it is good in the browser alone that asked for the login.
CREATE TABLE hand_over_codes (
    digest BLOB PRIMARY KEY NOT NULL,
    app_name VARCHAR(64) NOT NULL REFERENCES apps (name) ON DELETE CASCADE,
    session_digest BLOB NOT NULL REFERENCES sessions (digest) ON DELETE CASCADE,
    state BLOB NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
) WITHOUT ROWID;

CREATE INDEX hand_over_codes_app_name ON hand_over_codes (app_name);
CREATE INDEX hand_over_codes_session_digest ON hand_over_codes (session_digest);
CREATE INDEX hand_over_codes_expires_at ON hand_over_codes (expires_at);
