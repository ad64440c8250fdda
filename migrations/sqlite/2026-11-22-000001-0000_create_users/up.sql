-- The document's five columns, under the document's names, and one more:
-- `email_key` is the email as it is compared, computed in Rust because SQLite's
-- lower() knows ASCII only. AUTOINCREMENT keeps the id of a deleted user from being
-- given to the next one.
CREATE TABLE users (
    id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL,
    email VARCHAR(250) NOT NULL,
    hashed_password VARCHAR(250) NOT NULL,
    session_id VARCHAR(250),
    reset_token VARCHAR(250),
    email_key TEXT NOT NULL
);

CREATE UNIQUE INDEX users_email_key ON users (email_key);
