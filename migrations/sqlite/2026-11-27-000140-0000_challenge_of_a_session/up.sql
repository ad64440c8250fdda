-- The session for whose act a passkey was asked for (purpose 4: an act of an administrator); none for
-- other purposes.
ALTER TABLE passkey_challenges ADD COLUMN session BLOB;
