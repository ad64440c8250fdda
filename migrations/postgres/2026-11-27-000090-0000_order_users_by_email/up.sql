-- A list of users by address, and a search by its beginning, compare addresses byte by byte,
-- whatever the language of the database is.
CREATE INDEX users_email_order ON users (email_key text_pattern_ops);
