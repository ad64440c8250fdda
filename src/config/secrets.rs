//! The settings that contain a secret.

use url::Url;

use super::{Config, MailTarget};
use crate::domain::DatabaseUrl;

/// A setting that contains a secret, by its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretSetting {
    /// The name of its argument.
    pub argument: &'static str,
    /// Its flag.
    pub flag: &'static str,
    /// Its variable.
    pub variable: &'static str,
}

const DATABASE_URL: SecretSetting = SecretSetting {
    argument: "database_url",
    flag: "--database-url",
    variable: "DATABASE_URL",
};
const MAIL: SecretSetting = SecretSetting {
    argument: "mail",
    flag: "--mail",
    variable: "BIENVENUE_MAIL",
};
const MAIL_PASSWORD: SecretSetting = SecretSetting {
    argument: "mail_password",
    flag: "--mail-password",
    variable: "BIENVENUE_MAIL_PASSWORD",
};

impl Config {
    /// The settings that contain a secret.
    #[must_use]
    pub fn secrets(&self) -> Vec<SecretSetting> {
        let in_database_url = match &self.database.database_url {
            DatabaseUrl::Postgres(url) => url.has_password(),
            DatabaseUrl::Sqlite(_) => false,
        };
        let in_mail = match &self.accounts.mail {
            Some(MailTarget::Server(url)) => url.password().is_some(),
            Some(MailTarget::Folder(_) | MailTarget::Off) | None => false,
        };
        [
            (in_database_url, DATABASE_URL),
            (in_mail, MAIL),
            (self.accounts.mail_password.is_some(), MAIL_PASSWORD),
        ]
        .into_iter()
        .filter_map(|(holds, setting)| holds.then_some(setting))
        .collect()
    }
}

/// Whether the value of a variable contains a secret. The value may be invalid.
pub(super) fn holds_secret(variable: &str, value: &str) -> bool {
    if variable == MAIL_PASSWORD.variable {
        return !value.is_empty();
    }
    if variable == DATABASE_URL.variable {
        return matches!(value.parse(), Ok(DatabaseUrl::Postgres(url)) if url.has_password());
    }
    Url::parse(value).is_ok_and(|url| url.password().is_some())
}
