-- Whether this database is the source or the target of a copy to another database: at most one row.
-- `state` decides whether a service may use it; `other_url` names the other database, without a
-- password.
CREATE TABLE copy_marks (
    id BIGINT PRIMARY KEY NOT NULL,
    copy_id TEXT NOT NULL,
    state VARCHAR(20) NOT NULL,
    other_url TEXT NOT NULL,
    marked_at BIGINT NOT NULL
);
