//! What the configuration means to the mails.

use std::net::SocketAddr;
use std::path::PathBuf;

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::Url;

use super::ServerError;
use crate::config::{Config, MailTarget, PageUrl, PublicUrl};
use crate::domain::Email;
use crate::mail::{Folder, Mailer, Smtp, SmtpSettings, TemplateSettings};

/// The folder that gets mails where nothing else is said.
pub(super) const DEFAULT_FOLDER: &str = "mail";

/// What mails are made of, for a service that listens there.
#[must_use]
pub fn mail_settings(config: &Config, listens: SocketAddr) -> TemplateSettings {
    let accounts = &config.accounts;
    TemplateSettings {
        folder: accounts.mail_templates.clone(),
        reset_page: accounts.reset_page.as_ref().map(PageUrl::get).cloned(),
        verify_page: accounts.verify_page.as_ref().map(PageUrl::get).cloned(),
        service: accounts.service_name.clone(),
        service_url: service_url(config, listens),
    }
}

/// Where a service that listens there is reached, without a slash at the end: where people
/// reach it, else from this machine.
#[must_use]
pub fn service_url(config: &Config, listens: SocketAddr) -> String {
    match &config.listening.public_url {
        Some(url) => url.to_string(),
        None if listens.ip().is_unspecified() => format!("http://localhost:{}", listens.port()),
        None => format!("http://{listens}"),
    }
}

/// Where mails go.
///
/// # Errors
/// [`ServerError::Smtp`] if there is no TLS to the mail server.
pub fn mailer(config: &Config) -> Result<Mailer, ServerError> {
    let from = sender(config);
    Ok(match &config.accounts.mail {
        None => Mailer::Folder(Folder::new(PathBuf::from(DEFAULT_FOLDER), from)),
        Some(MailTarget::Folder(path)) => Mailer::Folder(Folder::new(path.clone(), from)),
        Some(MailTarget::Server(url)) => Mailer::Smtp(Smtp::new(smtp(config, url, from))?),
        Some(MailTarget::Off) => Mailer::Off,
    })
}

fn smtp(config: &Config, url: &Url, from: Email) -> SmtpSettings {
    let accounts = &config.accounts;
    let decoded = |text: &str| percent_decode_str(text).decode_utf8_lossy().into_owned();
    let user = accounts
        .mail_user
        .clone()
        .or_else(|| Some(decoded(url.username())).filter(|user| !user.is_empty()));
    let password = accounts
        .mail_password
        .clone()
        .or_else(|| url.password().map(|text| SecretString::from(decoded(text))));
    SmtpSettings {
        host: url.host_str().unwrap_or_default().to_owned(),
        port: url.port(),
        implicit_tls: url.scheme() == "smtps",
        login: user.zip(password),
        from,
        patience: None,
    }
}

/// `--mail-from`, else a name at the host that people see.
fn sender(config: &Config) -> Email {
    let host = config.listening.public_url.as_ref().map(PublicUrl::host);
    config
        .accounts
        .mail_from
        .clone()
        .unwrap_or_else(|| Email::from_stored(format!("bienvenue@{}", host.unwrap_or("localhost"))))
}
