-- Audit events, each chained to the one before: `digest` is the SHA-256 of the digest at the
-- position before and of this row, with `content_digest` for `details` and `salt`. These two are
-- erased when the user is deleted; the digests stay. No foreign key: the rows outlive the user.
CREATE TABLE audit_events (
    position BIGINT PRIMARY KEY NOT NULL,
    at BIGINT NOT NULL,
    event VARCHAR(60) NOT NULL,
    user_id BIGINT,
    actor VARCHAR(20) NOT NULL,
    actor_id BIGINT,
    details TEXT,
    salt BYTEA,
    content_digest BYTEA NOT NULL,
    digest BYTEA NOT NULL
);

CREATE INDEX audit_events_user_id ON audit_events (user_id, position);

-- One row: the position and the digest of the last event, and the digest in front of the first one
-- that is kept.
CREATE TABLE audit_chain (
    id BIGINT PRIMARY KEY NOT NULL,
    position BIGINT NOT NULL,
    digest BYTEA NOT NULL,
    start_digest BYTEA NOT NULL
);
