-- SQLite compares addresses byte by byte: the index users_email_key serves the list of users by
-- address already.
SELECT 1;
