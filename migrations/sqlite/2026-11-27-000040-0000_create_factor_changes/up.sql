-- What became of the second factors of a user, for the owner to see. `digest` is the SHA-256 of the
-- token in the notification, which takes the account back as it was at `changed_at` until
-- `undo_until`; there is none before the mail with it is sent. `email` is the address that the mail
-- goes to.
CREATE TABLE factor_changes (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    kind VARCHAR(40) NOT NULL,
    email VARCHAR(250) NOT NULL,
    ip VARCHAR(45),
    user_agent VARCHAR(250),
    digest VARCHAR(64) UNIQUE,
    changed_at BIGINT NOT NULL,
    undo_until BIGINT
);

CREATE INDEX factor_changes_user_id ON factor_changes (user_id, id);
CREATE INDEX factor_changes_changed_at ON factor_changes (changed_at);

-- Whether an application is for sessions with a second factor only.
ALTER TABLE apps ADD COLUMN second_factor BIGINT NOT NULL DEFAULT 0;
