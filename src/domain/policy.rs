//! What an operator decides about accounts and the database, as settings and as the layers use it.
//! The first line of each variant is the help of the command line.

use clap::ValueEnum;

/// Who may register, and what a registration tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Registration {
    /// Say when an email is already registered
    #[default]
    Reveal,
    /// Answer alike, and tell the owner by mail
    Conceal,
    /// Nobody can register
    Closed,
}

/// Whether new users have to prove that they read the mail of their address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum EmailVerification {
    /// No mail is sent
    #[default]
    Off,
    /// A mail is sent, and the login does not wait for its answer
    Optional,
    /// Nobody logs in before
    Required,
}

/// Whether users may, or must, have a second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum SecondFactorPolicy {
    /// Nobody can set one up; one that was set up before is still asked for
    Off,
    /// Users may set one up
    #[default]
    Optional,
    /// Users must set one up at their next login
    Required,
}

/// What an owner may be notified of by mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Notification {
    /// A login from where the account was not used before
    NewDevice,
    /// A new password
    PasswordChanged,
    /// Another address; the mail to the old one can undo it
    EmailChanged,
    /// A second factor added or removed, recovery codes used or replaced
    SecondFactor,
    /// The end of the account
    AccountDeleted,
    /// Nothing
    None,
}

/// A connection pooler, such as `PgBouncer`, between the service and a `PostgreSQL` server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Pooler {
    /// Nothing: the URL names the server itself
    Off,
    /// A pooler that gives a client a server connection until it disconnects
    Session,
    /// A pooler that gives a client a server connection for one transaction
    Transaction,
}
