//! Accounts, passwords, sessions and second factors: `src/auth`.

mod account;
mod account_dates;
mod account_model;
mod apps;
mod audit_events;
mod audit_kills;
mod audit_table;
mod audit_tampering;
mod conceal;
mod disabled;
mod emails;
pub(crate) mod enumeration;
pub(crate) mod hashing;
mod mail_budgets;
mod notices;
mod password_rules;
mod passwords;
mod reset;
mod second_factor;
mod sessions;
mod throttle;
