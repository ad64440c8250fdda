//! Settings of the log.

use clap::{Args, ValueEnum};

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
}

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text for people
    Text,
    /// One JSON object per line
    Json,
}
