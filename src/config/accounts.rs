//! Settings about registration, mails and addresses.

use std::path::PathBuf;

use clap::Args;
use secrecy::SecretString;

use super::parsers::{MailTarget, PageUrl, secret, service_name};
use crate::domain::{Email, EmailVerification, Notification, Registration};

/// How people come and prove who they are.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Accounts")]
pub struct Accounts {
    /// What a registration tells
    #[arg(
        long,
        env = "BIENVENUE_REGISTRATION",
        value_name = "MODE",
        default_value = "reveal"
    )]
    pub registration: Registration,

    /// Name of the service in subjects and texts of mails
    #[arg(
        long,
        env = "BIENVENUE_SERVICE_NAME",
        value_name = "NAME",
        default_value = "Bienvenue",
        value_parser = service_name
    )]
    pub service_name: String,

    /// Where mails go: dir:FOLDER (files in it), smtp://HOST, smtps://HOST, or off
    /// [default: dir:mail]
    #[arg(
        long,
        env = "BIENVENUE_MAIL",
        value_name = "TARGET",
        hide_env_values = true
    )]
    pub mail: Option<MailTarget>,

    /// Whom mails come from [default: bienvenue at the host of --public-url]
    #[arg(long, env = "BIENVENUE_MAIL_FROM", value_name = "EMAIL")]
    pub mail_from: Option<Email>,

    /// User at the mail server
    #[arg(long, env = "BIENVENUE_MAIL_USER", value_name = "NAME")]
    pub mail_user: Option<String>,

    /// Password at the mail server; better from a file or a credential than from a flag
    #[arg(
        long,
        env = "BIENVENUE_MAIL_PASSWORD",
        value_name = "PASSWORD",
        hide_env_values = true,
        value_parser = secret
    )]
    pub mail_password: Option<SecretString>,

    /// Folder with templates of mails that take the place of built-in ones
    #[arg(long, env = "BIENVENUE_MAIL_TEMPLATES", value_name = "FOLDER")]
    pub mail_templates: Option<PathBuf>,

    /// Page of the application where a forgotten password is set anew
    #[arg(long, env = "BIENVENUE_RESET_PAGE", value_name = "URL")]
    pub reset_page: Option<PageUrl>,

    /// Page of the application where an email is verified or changed
    #[arg(long, env = "BIENVENUE_VERIFY_PAGE", value_name = "URL")]
    pub verify_page: Option<PageUrl>,

    /// Whether an email has to be verified
    #[arg(
        long,
        env = "BIENVENUE_EMAIL_VERIFICATION",
        value_name = "MODE",
        default_value = "off"
    )]
    pub email_verification: EmailVerification,

    /// Of what owners are told by mail, comma-separated
    #[arg(
        long,
        env = "BIENVENUE_NOTICES",
        value_name = "NAMES",
        value_delimiter = ',',
        default_value = "new-device,password-changed,email-changed,second-factor,account-deleted"
    )]
    pub notices: Vec<Notification>,
}

impl Accounts {
    /// Whether there is a password for the mail server and nobody whose it is.
    pub(super) fn has_password_of_nobody(&self) -> bool {
        let in_url = match &self.mail {
            Some(MailTarget::Server(url)) => !url.username().is_empty(),
            Some(MailTarget::Folder(_) | MailTarget::Off) | None => false,
        };
        self.mail_password.is_some() && self.mail_user.is_none() && !in_url
    }
}
