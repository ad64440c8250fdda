//! Policies that are settings and that several layers use.
//!
//! The first line of each variant is its help on the command line.

use clap::ValueEnum;

/// Whether users may register, and what the answer to a registration reveals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Registration {
    /// Answer that an email is already registered
    #[default]
    Reveal,
    /// Give the same answer in both cases, and notify the owner by email
    Conceal,
    /// Refuse all registrations
    Closed,
}

/// Whether new users have to verify their email address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum EmailVerification {
    /// Send no verification email
    #[default]
    Off,
    /// Send a verification email, and allow logins before it is confirmed
    Optional,
    /// Send a verification email, and refuse logins before it is confirmed
    Required,
}

/// Whether users may, or must, have a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum SecondFactorPolicy {
    /// Users cannot set one up; a factor that was set up before is still required
    Off,
    /// Users may set one up
    #[default]
    Optional,
    /// Users must set one up at their next login
    Required,
}

/// The changes about which an owner may be notified by mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Notification {
    /// A login from a new device or network
    NewDevice,
    /// A new password
    PasswordChanged,
    /// A new email address; the mail to the old one contains a link that undoes the change
    EmailChanged,
    /// A second factor added or removed, recovery codes used or replaced
    SecondFactor,
    /// The deletion of the account
    AccountDeleted,
    /// No notifications
    None,
}

/// A connection pooler, such as `PgBouncer`, between the service and a `PostgreSQL` server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Pooler {
    /// No pooler: the URL names the server itself
    #[default]
    Off,
    /// A pooler that assigns a server connection to a client until it disconnects
    Session,
    /// A pooler that assigns a server connection to a client for one transaction
    Transaction,
}
