-- Why a session has ended, for the browser that still has its cookie. `digest` was that of the
-- session. Cleanup removes a row after a week.
CREATE TABLE ended_sessions (
    digest BLOB PRIMARY KEY NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    reason VARCHAR(32) NOT NULL,
    ended_at BIGINT NOT NULL
) WITHOUT ROWID;

-- A user has a bounded number of them: the newest.
CREATE INDEX ended_sessions_user_id ON ended_sessions (user_id, ended_at);
CREATE INDEX ended_sessions_ended_at ON ended_sessions (ended_at);
