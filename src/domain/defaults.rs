//! The defaults of settings, each once: `config` shows them, and the layers start from them.

use std::time::Duration;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn minutes(minutes: u64) -> Duration {
    seconds(60 * minutes)
}

const fn days(days: u64) -> Duration {
    minutes(24 * 60 * days)
}

/// The shortest password in development mode, in code points.
pub const PASSWORD_MIN_LENGTH: usize = 1;

/// After how many days audit events are removed.
pub const AUDIT_RETENTION: u32 = 365;

/// How long a session lives without being used.
pub const SESSION_IDLE: Duration = days(1);
/// How long a session lives.
pub const SESSION_LIFETIME: Duration = days(7);
/// Sessions of a user.
pub const SESSIONS_PER_USER: u32 = 1;
