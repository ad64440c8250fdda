//! Maps the configuration to the settings of the layers.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::thread;

use percent_encoding::percent_decode_str;
use secrecy::SecretString;
use url::Url;

use super::ServerError;
use crate::auth::{AuthSettings, ContextWords, RelyingParty};
use crate::config::{Config, MailTarget, Origins, PageUrl, PublicUrl};
use crate::db::{DbSettings, OpenMode};
use crate::domain::{Clock, DatabaseUrl, Email};
use crate::http::{HttpSettings, PageSettings};
use crate::mail::{Folder, Mailer, RecentMails, Smtp, SmtpSettings, TemplateSettings};
use crate::secret_key::KeyFile;

/// The default folder for mails.
pub const DEFAULT_FOLDER: &str = "mail";

pub(super) fn db_settings(config: &Config, open: OpenMode) -> DbSettings {
    // Values that no setting changes.
    let fixed = DbSettings::default();
    DbSettings {
        readers: u32::try_from(workers().get() + 1).unwrap_or(u32::MAX),
        open,
        database: config.database.connections,
        sessions: config.sessions,
        mode: config.mode(),
        clock: Clock::system(),
        connections: fixed.connections,
        server_wait: fixed.server_wait,
    }
}

pub(super) fn http_settings(config: &Config) -> HttpSettings {
    let listening = &config.listening;
    let public_url = listening.public_url.as_ref();
    let allowed_origins = listening.allowed_origins.as_ref();
    HttpSettings {
        https: config.is_https(),
        trusted_proxies: config.trusted_proxies().clone(),
        public_origin: public_url.map(|url| url.origin().clone()),
        allowed_origins: allowed_origins.map(Origins::to_vec).unwrap_or_default(),
        device_memory: config.throttling.throttle_device_memory,
        session_lifetime: config.sessions.session_lifetime,
    }
}

/// The pages for people, if there are any.
pub(super) fn page_settings(config: &Config) -> Option<PageSettings> {
    let pages = &config.pages;
    pages.pages.then(|| PageSettings {
        service: config.accounts.rules.service_name.clone(),
        accent: pages.accent_color,
        logo: pages.logo.clone(),
        templates: pages.page_templates.clone(),
    })
}

/// The settings of the use cases.
#[must_use]
pub fn auth_settings(config: &Config) -> AuthSettings {
    let accounts = &config.accounts;
    let public_url = config.listening.public_url.as_ref();
    AuthSettings {
        mode: config.mode(),
        passwords: config.passwords,
        context_words: ContextWords::new(
            [env!("CARGO_PKG_NAME"), accounts.rules.service_name.as_str()]
                .into_iter()
                .chain(public_url.map(PublicUrl::host)),
        ),
        accounts: accounts.rules.clone(),
        second_factor: config.second_factor.second_factor,
        relying_party: relying_party(config),
        mail_spread: AuthSettings::default().mail_spread,
        throttle: config.throttling,
        audit_retention: config.logging.audit_retention(),
    }
}

/// The host for which passkeys are made; none without the name of one. Without a public URL it is
/// this machine, as a developer's browser names it.
#[must_use]
pub fn relying_party(config: &Config) -> Option<RelyingParty> {
    match &config.listening.public_url {
        Some(url) => RelyingParty::new(url.origin().as_str(), url.origin().host()),
        None => match config.bind().port() {
            0 => None,
            80 => RelyingParty::new("http://localhost", "localhost"),
            port => RelyingParty::new(&format!("http://localhost:{port}"), "localhost"),
        },
    }
}

/// Where the key is that second factors are encrypted under.
#[must_use]
pub fn secret_keys(config: &Config) -> KeyFile {
    if let Some(file) = &config.second_factor.secret_key_file {
        return KeyFile::named(file.clone());
    }
    if let Some(credential) = config.second_factor.secret_key_credential() {
        return KeyFile::credential(credential);
    }
    match &config.database.database_url {
        DatabaseUrl::Sqlite(database) => KeyFile::beside(database),
        DatabaseUrl::Postgres(_) => KeyFile::nowhere(),
    }
}

/// The number of worker threads: one per core.
pub(super) fn workers() -> NonZeroUsize {
    thread::available_parallelism().unwrap_or(NonZeroUsize::MIN)
}

/// The settings of the mail templates, for a service that listens on this address.
#[must_use]
pub fn mail_settings(config: &Config, listens: SocketAddr) -> TemplateSettings {
    let accounts = &config.accounts;
    let service_url = service_url(config, listens);
    // The application's page, else our own.
    let page = |theirs: Option<&PageUrl>, path| match theirs {
        Some(page) => Some(page.get().clone()),
        None if config.pages.pages => own_page(&service_url, path),
        None => None,
    };
    TemplateSettings {
        folder: accounts.mail_templates.clone(),
        reset_page: page(accounts.reset_page.as_ref(), "/reset"),
        verify_page: page(accounts.verify_page.as_ref(), "/verify-email"),
        undo_page: page(accounts.verify_page.as_ref(), "/undo"),
        service: accounts.rules.service_name.clone(),
        service_url,
    }
}

/// A page of the service that takes the token of a mailed link.
fn own_page(service_url: &str, path: &str) -> Option<Url> {
    Url::parse(&format!("{service_url}{path}?token=")).ok()
}

/// The URL of a service that listens on this address, without a trailing slash: the public URL, or
/// without one the URL on this machine.
#[must_use]
pub fn service_url(config: &Config, listens: SocketAddr) -> String {
    match &config.listening.public_url {
        Some(url) => url.to_string(),
        None if listens.ip().is_unspecified() => format!("http://localhost:{}", listens.port()),
        None => format!("http://{listens}"),
    }
}

/// The transport of mails.
///
/// # Errors
/// [`ServerError::Smtp`] if TLS to the mail server is not possible.
pub fn mailer(config: &Config) -> Result<Mailer, ServerError> {
    let from = sender(config);
    Ok(match &config.accounts.mail {
        None => Mailer::Folder(Folder::new(PathBuf::from(DEFAULT_FOLDER), from)),
        Some(MailTarget::Folder(path)) => Mailer::Folder(Folder::new(path.clone(), from)),
        Some(MailTarget::Server(url)) => Mailer::Smtp(Smtp::new(smtp(config, url, from))?),
        Some(MailTarget::Off) => Mailer::Off,
    })
}

/// The transport itself in production mode. In development mode, mails of a folder are also shown on
/// a page and their links in the log.
pub(super) fn shown_in_development(config: &Config, mailer: Mailer) -> Mailer {
    match mailer {
        Mailer::Folder(folder) if !config.is_https() => {
            Mailer::Development(folder, RecentMails::default())
        }
        mailer @ (Mailer::Folder(_)
        | Mailer::Development(..)
        | Mailer::Smtp(_)
        | Mailer::Memory(_)
        | Mailer::Off) => mailer,
    }
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

/// The sender of mails: `--mail-from`, or `bienvenue` at the host of the public URL.
#[must_use]
pub fn sender(config: &Config) -> Email {
    let host = config.listening.public_url.as_ref().map(PublicUrl::host);
    config
        .accounts
        .mail_from
        .clone()
        .unwrap_or_else(|| Email::from_stored(format!("bienvenue@{}", host.unwrap_or("localhost"))))
}
