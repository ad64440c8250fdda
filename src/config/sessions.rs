//! Settings of sessions.

use std::time::Duration;

use clap::Args;

use crate::domain::{defaults, duration_text, positive_duration};

/// The settings of sessions.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Sessions")]
pub struct Sessions {
    /// Sessions that a user may have; a login beyond that ends the oldest one; at most 1000 (0)
    /// [default: 1, or 10 with an https --public-url]
    #[arg(long, env = "BIENVENUE_SESSIONS_PER_USER", value_name = "SESSIONS")]
    pub sessions_per_user: Option<u32>,

    /// After how long without use a session ends, such as 30m or 24h; at most --session-lifetime
    /// [default: 24h, or the lifetime if that is shorter]
    #[arg(
        long,
        env = "BIENVENUE_SESSION_IDLE",
        value_name = "TIME",
        value_parser = positive_duration,
    )]
    pub session_idle: Option<Duration>,

    /// After how long a session ends in any case, such as 7d
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
    /// After how long without use a session ends.
    #[must_use]
    pub fn idle(&self) -> Duration {
        let default = || defaults::SESSION_IDLE.min(self.session_lifetime);
        self.session_idle.unwrap_or_else(default)
    }
}
