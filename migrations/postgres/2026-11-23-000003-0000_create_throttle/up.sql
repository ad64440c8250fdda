-- How many guesses were made, one row for whom or what they are counted by. `key` has the
-- kind in front; an account is named by a digest, since it need not be one. `next_at` is
-- when the next guess is due, `purge_at` when the row means nothing any more.
-- Times are UTC seconds.
CREATE TABLE throttle (
    key VARCHAR(160) PRIMARY KEY NOT NULL,
    fails BIGINT NOT NULL,
    next_at BIGINT NOT NULL,
    purge_at BIGINT NOT NULL
);

CREATE INDEX throttle_purge_at ON throttle (purge_at);

-- Where a user has logged in from: `mark` is the digest of a device's cookie, or a network.
CREATE TABLE known_clients (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    mark VARCHAR(64) NOT NULL,
    succeeded_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    PRIMARY KEY (user_id, mark)
);

CREATE INDEX known_clients_expires_at ON known_clients (expires_at);
