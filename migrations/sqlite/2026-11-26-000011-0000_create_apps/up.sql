-- Groups of users, and the applications behind a proxy to which they have access. An application
-- without a group is for every user, so a group cannot go while an application lists it: that
-- would open the application to all.
CREATE TABLE groups (
    name VARCHAR(64) PRIMARY KEY NOT NULL
) WITHOUT ROWID;

CREATE TABLE group_members (
    user_id BIGINT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    group_name VARCHAR(64) NOT NULL REFERENCES groups (name) ON DELETE CASCADE,
    PRIMARY KEY (user_id, group_name)
) WITHOUT ROWID;

CREATE INDEX group_members_group_name ON group_members (group_name, user_id);

-- `origin` is scheme, host and port as browsers write them.
CREATE TABLE apps (
    name VARCHAR(64) PRIMARY KEY NOT NULL,
    origin VARCHAR(270) NOT NULL
) WITHOUT ROWID;

CREATE UNIQUE INDEX apps_origin ON apps (origin);

CREATE TABLE app_groups (
    app_name VARCHAR(64) NOT NULL REFERENCES apps (name) ON DELETE CASCADE,
    group_name VARCHAR(64) NOT NULL REFERENCES groups (name),
    PRIMARY KEY (app_name, group_name)
) WITHOUT ROWID;

CREATE INDEX app_groups_group_name ON app_groups (group_name);
