-- When an account was made, when somebody last logged in to it, and since when it is disabled.
-- An account of before this table has no row until its next login: its past is unknown. Nothing
-- reads `disabled_at` to decide yet.
CREATE TABLE account_dates (
    user_id BIGINT PRIMARY KEY NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    created_at BIGINT,
    last_login_at BIGINT,
    disabled_at BIGINT
);
