//! Settings of the log.

use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::domain::RETENTION_DAYS;

/// The settings of the log.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Logging")]
pub struct Logging {
    /// Format of log lines; RUST_LOG sets the level [default of RUST_LOG: info]
    #[arg(
        long,
        env = "BIENVENUE_LOG_FORMAT",
        value_name = "FORMAT",
        default_value = "text"
    )]
    pub log_format: LogFormat,

    /// After how many days audit events are removed from the database; 0: never
    #[arg(
        long,
        env = "BIENVENUE_AUDIT_RETENTION",
        value_name = "DAYS",
        default_value_t = RETENTION_DAYS,
        value_parser = clap::value_parser!(u32).range(0..=36_500)
    )]
    pub audit_retention: u32,
}

impl Logging {
    /// After how long audit events are removed; none for never.
    #[must_use]
    pub fn audit_retention(&self) -> Option<Duration> {
        let days = Duration::from_secs(24 * 60 * 60) * self.audit_retention;
        (!days.is_zero()).then_some(days)
    }
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text for people
    Text,
    /// One JSON object per line
    Json,
}
