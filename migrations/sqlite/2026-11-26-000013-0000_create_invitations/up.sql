-- Links with which a person may register once, also where registration is closed. With an
-- address, it is good for that address alone, and proves it.
CREATE TABLE invitations (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    digest BLOB NOT NULL,
    email VARCHAR(250),
    group_name VARCHAR(64) REFERENCES groups (name) ON DELETE CASCADE,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);

CREATE UNIQUE INDEX invitations_digest ON invitations (digest);
CREATE INDEX invitations_group_name ON invitations (group_name);
CREATE INDEX invitations_expires_at ON invitations (expires_at);
