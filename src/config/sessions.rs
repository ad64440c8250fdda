//! Settings of sessions.

use std::time::Duration;

use clap::Args;

use super::parsers::positive_duration;

use crate::domain::{defaults, duration_text};

/// When sessions end.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Sessions")]
pub struct Sessions {
    /// Sessions that a user may have; a login beyond that ends the oldest one; at most 1000 (0)
    #[arg(
        long,
        env = "BIENVENUE_SESSIONS_PER_USER",
        value_name = "SESSIONS",
        default_value_t = defaults::SESSIONS_PER_USER
    )]
    pub sessions_per_user: u32,

    /// How long a session lives without being used, such as 30m or 24h; no longer than
    /// --session-lifetime [default: 24h, or the lifetime if that is shorter]
    #[arg(
        long,
        env = "BIENVENUE_SESSION_IDLE",
        value_name = "TIME",
        value_parser = positive_duration,
    )]
    pub session_idle: Option<Duration>,

    /// How long a session lives at the most, such as 7d
    #[arg(
        long,
        env = "BIENVENUE_SESSION_LIFETIME",
        value_name = "TIME",
        value_parser = positive_duration,
        default_value = duration_text(defaults::SESSION_LIFETIME),
    )]
    pub session_lifetime: Duration,
}

impl Sessions {
    /// How long a session lives without being used.
    #[must_use]
    pub fn idle(&self) -> Duration {
        let default = || defaults::SESSION_IDLE.min(self.session_lifetime);
        self.session_idle.unwrap_or_else(default)
    }
}
