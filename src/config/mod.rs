//! All settings: flags, environment variables, defaults, and the texts of `--help`.
//!
//! The value of a setting comes from its flag, or else from its variable, the settings file, or
//! its default. The groups below are the sections of `--help`.

#![expect(
    clippy::doc_markdown,
    reason = "the settings' doc comments are the text of --help"
)]

mod accounts;
mod database;
mod layers;
mod listen;
mod logging;
mod pages;
mod parsers;
mod second_factor;
mod secrets;

use std::path::PathBuf;

use clap::Args;

pub use accounts::Accounts;
pub use database::{Database, Migrate};
use layers::DEFAULT_FILE;
pub use layers::{SourceError, Sources};
pub use listen::Listening;
pub use logging::{LogFormat, Logging};
pub use pages::PageOptions;
pub use parsers::{MailTarget, Origins, PageUrl, PublicUrl};
pub use second_factor::SecondFactor;

use crate::domain::{
    BcryptCost, EmailVerification, Mode, Notification, PasswordSettings, SessionSettings,
    ThrottleSettings,
};

/// The settings of the service.
#[derive(Debug, Clone, Args)]
pub struct Config {
    /// [`Sources`] reads it before the other settings. It is declared here for `--help`.
    #[arg(
        long,
        env = "BIENVENUE_CONFIG",
        value_name = "FILE",
        help = "File of NAME=value lines with the names of the environment variables below \
                [default: /etc/bienvenue/bienvenue.env, if it exists]"
    )]
    #[expect(clippy::struct_field_names, reason = "the flag's name")]
    config: Option<PathBuf>,
    /// The listener, proxies and origins.
    #[command(flatten)]
    pub listening: Listening,
    /// The database.
    #[command(flatten)]
    pub database: Database,
    /// Passwords and their hashing.
    #[command(flatten)]
    pub passwords: PasswordSettings,
    /// Sessions.
    #[command(flatten)]
    pub sessions: SessionSettings,
    /// Registration, mails and addresses.
    #[command(flatten)]
    pub accounts: Accounts,
    /// The pages for people.
    #[command(flatten)]
    pub pages: PageOptions,
    /// Second factors.
    #[command(flatten)]
    pub second_factor: SecondFactor,
    /// Rate limits.
    #[command(flatten)]
    pub throttling: ThrottleSettings,
    /// Logging.
    #[command(flatten)]
    pub logging: Logging,
}

/// Why settings contradict each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConfigError {
    /// The bcrypt cost is too low for production mode.
    #[error(
        "--bcrypt-cost (BIENVENUE_BCRYPT_COST) must be {minimum} or more with an https --public-url; lower costs are for tests"
    )]
    CostTooLow {
        /// The lowest allowed cost.
        minimum: BcryptCost,
    },
    /// Verification is required, but no mails are sent.
    #[error(
        "--email-verification required (BIENVENUE_EMAIL_VERIFICATION) needs mails, but --mail is off"
    )]
    NoMailToVerifyBy,
    /// `none` is combined with other notifications.
    #[error("--notices (BIENVENUE_NOTICES): none cannot be combined with other names")]
    SomeAndNoNotices,
    /// The idle limit is longer than the lifetime.
    #[error(
        "--session-idle (BIENVENUE_SESSION_IDLE) must not be longer than --session-lifetime (BIENVENUE_SESSION_LIFETIME)"
    )]
    IdleOverLifetime,
    /// There is a password for the mail server, but no user.
    #[error("--mail-password (BIENVENUE_MAIL_PASSWORD) needs --mail-user (BIENVENUE_MAIL_USER)")]
    MailPasswordOfNobody,
}

impl Config {
    /// Checks that the settings do not contradict each other.
    ///
    /// # Errors
    /// [`ConfigError`] names the settings.
    pub fn check(&self) -> Result<(), ConfigError> {
        let minimum = BcryptCost::SERVING_MINIMUM;
        if self.is_https() && self.passwords.bcrypt_cost < minimum {
            return Err(ConfigError::CostTooLow { minimum });
        }
        let accounts = &self.accounts;
        if accounts.rules.email_verification == EmailVerification::Required
            && accounts.mail == Some(MailTarget::Off)
        {
            return Err(ConfigError::NoMailToVerifyBy);
        }
        let notices = &accounts.rules.notices;
        if notices.len() > 1 && notices.contains(&Notification::None) {
            return Err(ConfigError::SomeAndNoNotices);
        }
        if self.sessions.idle() > self.sessions.session_lifetime {
            return Err(ConfigError::IdleOverLifetime);
        }
        if self.accounts.has_unused_password() {
            return Err(ConfigError::MailPasswordOfNobody);
        }
        Ok(())
    }

    /// The settings file: the one that a flag or a variable names, or else the default one, if it
    /// exists.
    #[must_use]
    pub fn settings_file(&self) -> Option<PathBuf> {
        let default = || Some(PathBuf::from(DEFAULT_FILE)).filter(|file| file.exists());
        self.config.clone().or_else(default)
    }

    /// The mode: production if the public URL is https.
    #[must_use]
    pub fn mode(&self) -> Mode {
        match &self.listening.public_url {
            Some(url) if url.is_https() => Mode::Production,
            Some(_) | None => Mode::Development,
        }
    }

    /// Whether the mode is production.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.mode() == Mode::Production
    }

    /// The shortest new password, in code points.
    #[must_use]
    pub fn password_min_length(&self) -> usize {
        let second_factor = self.second_factor.second_factor;
        self.passwords.min_length(self.mode(), second_factor)
    }
}
