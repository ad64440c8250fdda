DROP TABLE outbox;
DROP TABLE email_tokens;
DROP TABLE password_resets;
