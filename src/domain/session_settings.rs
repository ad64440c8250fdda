//! The settings of sessions, each once: flag, variable, default and help.

use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use super::{ByMode, Mode, by_mode, duration_text, positive_duration};

/// How many sessions a user may have, and when they end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Args)]
#[command(next_help_heading = "Sessions")]
pub struct SessionSettings {
    /// Sessions that a user may have; a login beyond that ends the oldest one; at most 1000 (0)
    #[arg(
        long,
        env = "BIENVENUE_SESSIONS_PER_USER",
        value_name = "SESSIONS",
        value_parser = by_mode(SessionSettings::default().sessions_per_user, u32::from_str),
        default_value_t = SessionSettings::default().sessions_per_user
    )]
    pub sessions_per_user: ByMode<u32>,

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
        default_value = duration_text(SessionSettings::default().session_lifetime),
    )]
    pub session_lifetime: Duration,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self {
            sessions_per_user: ByMode::Default {
                development: 1,
                production: 10,
            },
            session_idle: None,
            session_lifetime: 7 * DAY,
        }
    }
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The largest number of sessions of a user, and the one if no number is set.
const MAX_PER_USER: u32 = 1000;

impl SessionSettings {
    /// After how long without use a session ends.
    #[must_use]
    pub fn idle(&self) -> Duration {
        self.session_idle
            .unwrap_or_else(|| DAY.min(self.session_lifetime))
    }

    /// How old the stored last use of a session may become before it is written again: 1/48 of
    /// the idle limit, at least a minute, and at most a quarter of the idle limit. A session may
    /// end early by this time, and never ends late.
    #[must_use]
    pub fn touch_after(&self) -> Duration {
        let idle = self.idle();
        Duration::from_secs(60).max(idle / 48).min(idle / 4)
    }

    /// How many sessions a user may have: never more than 1,000, so that lists stay short.
    #[must_use]
    pub fn kept_per_user(&self, mode: Mode) -> u32 {
        match *self.sessions_per_user.of(mode) {
            0 => MAX_PER_USER,
            some => some.min(MAX_PER_USER),
        }
    }
}
