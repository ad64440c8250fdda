//! Commands of operators: `src/cli`.

mod app_commands;
mod audit_commands;
mod backups;
mod command_database;
mod commands;
mod config_commands;
mod database_copy;
mod doctor;
mod help;
mod imports;
mod mail_commands;
mod restore;
mod usage;
mod user_commands;
