//! The tests of Bienvenue, one binary. A database each, so that they run beside each other.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::string_slice,
    reason = "a test that meets the unexpected has failed"
)]

mod support;

mod account;
mod account_dates;
mod account_model;
mod adoption;
mod adoption_refused;
mod apps;
mod architecture;
mod audit_events;
mod backups;
mod bcrypt_lanes;
mod browser;
mod cleanup;
mod client_address;
mod command_database;
mod commands;
mod conceal;
mod config_commands;
mod connections;
mod corpus;
mod crash;
mod cross_site;
mod database_copy;
mod disabled;
mod emails;
mod enumeration;
mod error_codes;
mod faults_postgres;
mod faults_sqlite;
mod foreign_hashes;
mod forms;
mod forwarded;
mod group_commit;
mod hashing;
mod headers;
mod help;
mod imports;
mod integration_examples;
mod load;
mod logs;
mod mail;
mod mail_budgets;
mod mail_commands;
mod mail_links;
mod mail_password;
mod model;
mod notices;
mod openapi;
mod operator;
mod pages;
mod passkeys;
mod password_rules;
mod passwords;
mod pgbouncer;
mod plain_words;
mod plans;
mod programs;
mod proxies;
mod readme;
mod requirements;
mod reset;
mod restore;
mod routes;
mod runbook;
mod second_factor;
mod serving;
mod sessions;
mod settings;
mod settings_table;
mod sources;
mod start;
mod start_warnings;
mod stopping;
mod storage;
mod storage_unavailable;
mod systemd;
mod throttle;
mod transcripts;
mod user_commands;
mod verify;
mod wire;
