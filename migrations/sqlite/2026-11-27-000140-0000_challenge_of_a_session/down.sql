ALTER TABLE passkey_challenges DROP COLUMN session;
