//! Settings of registration, mails and addresses.

use std::path::PathBuf;

use clap::Args;
use secrecy::SecretString;

use super::parsers::{MailTarget, PageUrl, secret};
use crate::domain::{AccountSettings, Email};

/// The settings of registration, mails and addresses.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Accounts")]
pub struct Accounts {
    /// What the use cases follow.
    #[command(flatten)]
    pub rules: AccountSettings,

    /// Transport of emails: dir:FOLDER (files in a folder), smtp://HOST, smtps://HOST, or off
    /// [default: dir:mail]
    #[arg(
        long,
        env = "BIENVENUE_MAIL",
        value_name = "TARGET",
        hide_env_values = true
    )]
    pub mail: Option<MailTarget>,

    /// Sender of emails [default: the name bienvenue at the host of --public-url, or at localhost]
    #[arg(long, env = "BIENVENUE_MAIL_FROM", value_name = "EMAIL")]
    pub mail_from: Option<Email>,

    /// User at the mail server, if --mail does not name one
    #[arg(long, env = "BIENVENUE_MAIL_USER", value_name = "NAME")]
    pub mail_user: Option<String>,

    /// Password at the mail server; set it by a file or a credential rather than by a flag
    #[arg(
        long,
        env = "BIENVENUE_MAIL_PASSWORD",
        value_name = "PASSWORD",
        hide_env_values = true,
        value_parser = secret
    )]
    pub mail_password: Option<SecretString>,

    /// Folder with templates of emails that replace built-in ones of the same name
    #[arg(long, env = "BIENVENUE_MAIL_TEMPLATES", value_name = "FOLDER")]
    pub mail_templates: Option<PathBuf>,

    /// Page of your application where users set a new password with the link of a reset email
    /// [default: the page /reset]
    #[arg(long, env = "BIENVENUE_RESET_PAGE", value_name = "URL")]
    pub reset_page: Option<PageUrl>,

    /// Page of your application where users confirm an email address
    /// [default: the page /verify-email]
    #[arg(long, env = "BIENVENUE_VERIFY_PAGE", value_name = "URL")]
    pub verify_page: Option<PageUrl>,
}

impl Accounts {
    /// Whether there is a password for the mail server but no user.
    pub(super) fn has_unused_password(&self) -> bool {
        let in_url = match &self.mail {
            Some(MailTarget::Server(url)) => !url.username().is_empty(),
            Some(MailTarget::Folder(_) | MailTarget::Off) | None => false,
        };
        self.mail_password.is_some() && self.mail_user.is_none() && !in_url
    }
}
