//! The defaults of settings, each once: `config` shows them, and the layers start from them.

use std::time::Duration;

use super::{Notification, Rate};

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

const fn minutes(minutes: u64) -> Duration {
    seconds(60 * minutes)
}

const fn days(days: u64) -> Duration {
    minutes(24 * 60 * days)
}

const fn rate(burst: u32, interval: Duration) -> Rate {
    Rate { burst, interval }
}

/// The shortest password in development mode, in code points.
pub const PASSWORD_MIN_LENGTH: usize = 1;

/// Memory for SQLite's page cache, in MiB.
pub const DATABASE_CACHE: u32 = 64;

/// After how many days audit events are removed.
pub const AUDIT_RETENTION: u32 = 365;

/// How long a session lives without being used.
pub const SESSION_IDLE: Duration = days(1);
/// How long a session lives.
pub const SESSION_LIFETIME: Duration = days(7);
/// Sessions of a user.
pub const SESSIONS_PER_USER: u32 = 1;

/// The changes of which owners are notified.
pub const NOTIFICATIONS: [Notification; 5] = [
    Notification::NewDevice,
    Notification::PasswordChanged,
    Notification::EmailChanged,
    Notification::SecondFactor,
    Notification::AccountDeleted,
];

/// Failed logins of an account without a wait, by unknown clients.
pub const ACCOUNT_FREE: u32 = 5;
/// The first wait after those.
pub const ACCOUNT_FIRST_WAIT: Duration = seconds(1);
/// The longest wait after those.
pub const ACCOUNT_WAIT: Duration = minutes(5);
/// Failed logins of an account after which unknown clients are refused.
pub const ACCOUNT_LIMIT: u32 = 100;
/// How long failed logins are remembered.
pub const LIMIT_MEMORY: Duration = days(30);
/// Failed logins of a known client without a wait.
pub const KNOWN_FREE: u32 = 10;
/// The wait after those.
pub const KNOWN_WAIT: Duration = minutes(1);
/// How long a device is known after a login.
pub const DEVICE_MEMORY: Duration = days(180);
/// How long a network is known after a login.
pub const NETWORK_MEMORY: Duration = days(30);
/// Failed logins from a network.
pub const ADDRESS: Rate = rate(20, seconds(30));
/// Failed logins from a site.
pub const SUBNET: Rate = rate(100, seconds(5));
/// Registrations from a network.
pub const REGISTRATION: Rate = rate(30, minutes(6));
/// Registrations from a site.
pub const REGISTRATION_SUBNET: Rate = rate(100, minutes(1));
/// Right logins of an account.
pub const LOGINS: Rate = rate(30, seconds(2));
/// Counts that are kept.
pub const LIMIT_ROWS: u32 = 1_000_000;
