//! Every setting, once: its flag, its environment variable, its default, its meaning.
//!
//! A setting comes from its flag, else its variable, else the configuration file, else its
//! default. The groups below are what `--help` shows.

#![expect(
    clippy::doc_markdown,
    reason = "the settings' doc comments are the text of --help"
)]

mod accounts;
mod database;
mod layers;
mod listen;
mod logging;
mod parsers;
mod passwords;
mod rate_limits;
mod second_factor;
mod secrets;
mod sessions;

use std::path::PathBuf;

use clap::Args;

pub use accounts::Accounts;
pub use database::{Database, Migrate};
pub use layers::{SourceError, Sources};
pub use listen::Listening;
pub use logging::{LogFormat, Logging};
pub use parsers::{MailTarget, Origins, PageUrl, PublicUrl, Switch};
pub use passwords::Passwords;
pub use rate_limits::Throttling;
pub use second_factor::SecondFactor;
pub use sessions::Sessions;

use crate::domain::{BcryptCost, EmailVerification, Notification, SecondFactorPolicy};

/// The settings of the service.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// Read before the rest, by [`Sources`]; it stands here for `--help`.
    #[arg(
        long,
        env = "BIENVENUE_CONFIG",
        value_name = "FILE",
        help = "File of NAME=value lines with the names of the environment variables below \
                [default: /etc/bienvenue/bienvenue.env, if it is there]"
    )]
    #[expect(clippy::struct_field_names, reason = "the flag's name")]
    config: Option<PathBuf>,
    /// Where the service listens and how it is reached.
    #[command(flatten)]
    pub listening: Listening,
    /// Where the data is.
    #[command(flatten)]
    pub database: Database,
    /// How passwords are hashed and which are taken.
    #[command(flatten)]
    pub passwords: Passwords,
    /// When sessions end.
    #[command(flatten)]
    pub sessions: Sessions,
    /// How people come and prove who they are.
    #[command(flatten)]
    pub accounts: Accounts,
    /// Whether users have a second factor.
    #[command(flatten)]
    pub second_factor: SecondFactor,
    /// How guessing is slowed down.
    #[command(flatten)]
    pub throttling: Throttling,
    /// What is logged.
    #[command(flatten)]
    pub logging: Logging,
}

/// Settings that are right one by one and wrong together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// A service on the Internet with hashes for tests.
    #[error(
        "--bcrypt-cost (BIENVENUE_BCRYPT_COST) under {minimum} is for trying; with an https --public-url it has to be {minimum} or more"
    )]
    CostTooLow {
        /// The least that is allowed.
        minimum: BcryptCost,
    },
    /// Nobody could ever log in.
    #[error(
        "--email-verification required (BIENVENUE_EMAIL_VERIFICATION) needs mails, and --mail is off"
    )]
    NoMailToVerifyBy,
    /// Something and nothing.
    #[error("--notices (BIENVENUE_NOTICES): none goes with nothing else")]
    SomeAndNoNotices,
    /// An idle limit that never counts.
    #[error(
        "--session-idle (BIENVENUE_SESSION_IDLE) is longer than --session-lifetime (BIENVENUE_SESSION_LIFETIME): a session ends at its lifetime, used or not. Shorten the one or lengthen the other"
    )]
    IdleOverLifetime,
    /// A password for the mail server, and nobody whose it is.
    #[error(
        "--mail-password (BIENVENUE_MAIL_PASSWORD) is of no use without --mail-user (BIENVENUE_MAIL_USER)"
    )]
    MailPasswordOfNobody,
}

impl Config {
    /// Checks what no setting can check by itself.
    ///
    /// # Errors
    /// [`ConfigError`] names the settings.
    pub fn check(&self) -> Result<(), ConfigError> {
        let minimum = BcryptCost::SERVING_MINIMUM;
        if self.is_https() && self.passwords.bcrypt_cost < minimum {
            return Err(ConfigError::CostTooLow { minimum });
        }
        let accounts = &self.accounts;
        if accounts.email_verification == EmailVerification::Required
            && accounts.mail == Some(MailTarget::Off)
        {
            return Err(ConfigError::NoMailToVerifyBy);
        }
        if accounts.notices.len() > 1 && accounts.notices.contains(&Notification::None) {
            return Err(ConfigError::SomeAndNoNotices);
        }
        if self.sessions.idle() > self.sessions.session_lifetime {
            return Err(ConfigError::IdleOverLifetime);
        }
        if self.accounts.has_password_of_nobody() {
            return Err(ConfigError::MailPasswordOfNobody);
        }
        Ok(())
    }

    /// Whether people reach the service by https: the one switch from trying to serving.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.listening
            .public_url
            .as_ref()
            .is_some_and(PublicUrl::is_https)
    }

    /// The shortest password, in code points: 15 where it may be the only factor of a service on
    /// the Internet, 8 where a second one is required (NIST SP 800-63B-4, 3.1.1.2), any where the
    /// document's is tried.
    #[must_use]
    pub fn password_min_length(&self) -> usize {
        let default = match self.second_factor.second_factor {
            _ if !self.is_https() => 1,
            SecondFactorPolicy::Required => 8,
            SecondFactorPolicy::Off | SecondFactorPolicy::Optional => 15,
        };
        self.passwords.password_min_length.unwrap_or(default)
    }
}
