-- The parameters of the foreign hashes in users, each once, as the text of a hash without a
-- secret. While there are any, every failed login takes as long as a check of the most costly.
CREATE TABLE foreign_hashes (
    parameters TEXT PRIMARY KEY NOT NULL
) WITHOUT ROWID;
