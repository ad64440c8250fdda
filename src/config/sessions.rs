use std::time::Duration;

use clap::Args;

use super::values::positive_duration;

/// When sessions end.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Sessions")]
pub struct Sessions {
    /// Sessions that a user may have; a login beyond that ends the oldest one; at most 1000 (0)
    #[arg(
        long,
        env = "BIENVENUE_SESSIONS_PER_USER",
        value_name = "SESSIONS",
        default_value_t = 1
    )]
    pub sessions_per_user: u32,

    /// How long a session lives without being used, such as 30m or 24h
    #[arg(
        long,
        env = "BIENVENUE_SESSION_IDLE",
        value_name = "TIME",
        value_parser = positive_duration,
        default_value = "24h",
    )]
    pub session_idle: Duration,

    /// How long a session lives at the most, such as 7d
    #[arg(
        long,
        env = "BIENVENUE_SESSION_LIFETIME",
        value_name = "TIME",
        value_parser = positive_duration,
        default_value = "7d",
    )]
    pub session_lifetime: Duration,
}
