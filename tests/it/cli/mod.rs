//! Commands of operators: `src/cli`.

mod access_commands;
mod app_commands;
mod audit_commands;
mod backups;
mod command_database;
mod commands;
mod config_commands;
mod confirmation;
mod database_copy;
mod doctor;
mod help;
mod import_files;
mod imports;
mod json_output;
mod list_pages;
mod mail_commands;
mod original_hashes;
mod progress;
mod restore;
mod usage;
mod user_commands;
