use clap::{Args, ValueEnum};

use super::values::{MailTarget, PageUrl};

/// How people come and prove who they are.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Accounts")]
pub struct Accounts {
    /// What a registration tells (conceal has no effect yet)
    #[arg(
        long,
        env = "BIENVENUE_REGISTRATION",
        value_name = "MODE",
        default_value = "reveal"
    )]
    pub registration: Registration,

    /// Where mails go: dir:FOLDER (files in it), smtp://HOST, smtps://HOST, or off
    /// (no effect yet)
    #[arg(
        long,
        env = "BIENVENUE_MAIL",
        value_name = "TARGET",
        hide_env_values = true
    )]
    pub mail: Option<MailTarget>,

    /// Page of the application where a forgotten password is set anew (no effect yet)
    #[arg(long, env = "BIENVENUE_RESET_PAGE", value_name = "URL")]
    pub reset_page: Option<PageUrl>,

    /// Page of the application where an email is verified (no effect yet)
    #[arg(long, env = "BIENVENUE_VERIFY_PAGE", value_name = "URL")]
    pub verify_page: Option<PageUrl>,

    /// Whether an email has to be verified (no effect yet)
    #[arg(
        long,
        env = "BIENVENUE_EMAIL_VERIFICATION",
        value_name = "MODE",
        default_value = "off"
    )]
    pub email_verification: EmailVerification,
}

/// What a registration tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Registration {
    /// Say when an email is already registered
    Reveal,
    /// Answer alike, and tell the owner by mail
    Conceal,
    /// Nobody can register
    Closed,
}

/// Whether an email has to be verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum EmailVerification {
    /// No mail is sent
    Off,
    /// A mail is sent, and the login does not wait for its answer
    Optional,
    /// Nobody logs in before
    Required,
}

impl Accounts {
    pub(super) fn without_effect(&self) -> Vec<&'static str> {
        let conceals = self.registration == Registration::Conceal;
        let verifies = self.email_verification != EmailVerification::Off;
        [
            conceals.then_some("--registration conceal"),
            self.mail.as_ref().map(|_| "--mail"),
            self.reset_page.as_ref().map(|_| "--reset-page"),
            self.verify_page.as_ref().map(|_| "--verify-page"),
            verifies.then_some("--email-verification"),
        ]
        .into_iter()
        .flatten()
        .collect()
    }
}
