//! The settings of accounts that use cases follow, each once: flag, variable, default and help.

use clap::{Args, ValueEnum};

use super::{EmailVerification, Notification, Registration, ValueError};

/// Registration, verification, and what users are told.
#[derive(Debug, Clone, PartialEq, Eq, Args)]
pub struct AccountSettings {
    /// Whether a registration reveals that an email has an account
    #[arg(
        long,
        env = "BIENVENUE_REGISTRATION",
        value_name = "MODE",
        value_enum,
        default_value_t
    )]
    pub registration: Registration,

    /// Whether new users have to verify their email address
    #[arg(
        long,
        env = "BIENVENUE_EMAIL_VERIFICATION",
        value_name = "MODE",
        value_enum,
        default_value_t
    )]
    pub email_verification: EmailVerification,

    /// Name of the service on pages and in emails, 1 to 60 characters
    #[arg(
        long,
        env = "BIENVENUE_SERVICE_NAME",
        value_name = "NAME",
        value_parser = service_name,
        default_value_t = AccountSettings::default().service_name
    )]
    pub service_name: String,

    /// Events of which owners are notified by email, comma-separated
    #[arg(
        long,
        env = "BIENVENUE_NOTICES",
        value_name = "NAMES",
        value_delimiter = ',',
        default_value = names(&AccountSettings::default().notices)
    )]
    pub notices: Vec<Notification>,
}

impl Default for AccountSettings {
    fn default() -> Self {
        Self {
            registration: Registration::default(),
            email_verification: EmailVerification::default(),
            service_name: "Bienvenue".to_owned(),
            notices: vec![
                Notification::NewDevice,
                Notification::PasswordChanged,
                Notification::EmailChanged,
                Notification::SecondFactor,
                Notification::AccountDeleted,
            ],
        }
    }
}

impl AccountSettings {
    /// Whether owners are notified of these events.
    pub(crate) fn tells(&self, of: Notification) -> bool {
        self.notices.contains(&of)
    }
}

/// The notifications, as the setting has them.
fn names(notifications: &[Notification]) -> String {
    let values = notifications
        .iter()
        .filter_map(ValueEnum::to_possible_value);
    let names: Vec<_> = values.map(|value| value.get_name().to_owned()).collect();
    names.join(",")
}

/// The name of the service, for people.
fn service_name(text: &str) -> Result<String, ValueError> {
    let name = text.trim();
    let is_short = (1..=60).contains(&name.chars().count());
    if !is_short || name.contains(char::is_control) {
        return Err(ValueError(
            "must have 1 to 60 characters and no control characters",
        ));
    }
    Ok(name.to_owned())
}
