//! The tables, one module each: their rows, and how they are read and written.

pub(super) mod account_dates;
pub(super) mod app_sessions;
pub(super) mod apps;
pub(super) mod audit_events;
pub(super) mod copy_marks;
pub(super) mod email_tokens;
pub(super) mod factor_changes;
pub(super) mod foreign_hashes;
pub(super) mod groups;
pub(super) mod invitations;
pub(super) mod known_clients;
pub(super) mod outbox;
pub(super) mod passkey_challenges;
pub(super) mod passkeys;
pub(super) mod password_resets;
pub(super) mod pending_logins;
pub(super) mod previous_emails;
pub(super) mod recovery_codes;
pub(super) mod revocation;
pub(super) mod second_factors;
pub(super) mod secret_key_check;
pub(super) mod sessions;
pub(super) mod throttle;
pub(super) mod totp;
pub(super) mod users;
pub(super) mod verified_emails;
