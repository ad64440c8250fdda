use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use lettre::Message;
use lettre::address::{Address, Envelope};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use secrecy::{ExposeSecret, SecretString};
use tokio::runtime::Builder;
use tokio::time::timeout;

use super::{Mail, SendError};
use crate::domain::Email;

/// How long a server may take until it is ready for a mail: connection, TLS, greeting, login.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// How long it may take for the mail then. Some look through it before they answer, and one
/// that is cut off in that may have taken it.
const TAKEN_WITHIN: Duration = Duration::from_secs(180);

/// How long one of a server's addresses is waited for before the next is tried.
const EACH_ADDRESS_WITHIN: Duration = Duration::from_secs(5);

/// How long a server may take to say goodbye.
const GOODBYE_WITHIN: Duration = Duration::from_secs(1);

/// What has to be known of a mail server.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// Its name or address.
    pub host: String,
    /// Its port, if not the usual one.
    pub port: Option<u16>,
    /// Whether the connection begins with TLS (`smtps://`); else it is asked for with
    /// STARTTLS, and only a server on this machine may do without.
    pub implicit_tls: bool,
    /// User and password, if it asks for them.
    pub login: Option<(String, SecretString)>,
    /// Whom the mails come from.
    pub from: Email,
    /// How long it may take until it is ready, and again for the mail, if not the usual times.
    pub patience: Option<Duration>,
}

/// A mail server.
pub struct Smtp {
    settings: SmtpSettings,
    security: Security,
}

enum Security {
    Plain,
    StartTls(TlsParameters),
    Implicit(TlsParameters),
}

/// No mail server can be reached with these settings.
#[derive(Debug, thiserror::Error)]
#[error("no TLS to the mail server: {0}")]
pub struct SmtpError(#[source] Error);

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}

impl Smtp {
    /// Makes ready for a server. It is not asked for anything before the first mail.
    ///
    /// # Errors
    /// [`SmtpError`] if the system has no certificates to know servers by.
    pub fn new(settings: SmtpSettings) -> Result<Self, SmtpError> {
        let tls = || TlsParameters::new(settings.host.clone()).map_err(SmtpError);
        let security = if settings.implicit_tls {
            Security::Implicit(tls()?)
        } else if is_this_machine(&settings.host) {
            Security::Plain
        } else {
            Security::StartTls(tls()?)
        };
        Ok(Self { settings, security })
    }

    /// Its name or address.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.settings.host
    }

    /// A connection for each mail: they are rare, and an idle one may be dead when it is needed.
    ///
    /// What a server does byte by byte has no end, so the time is limited from outside: that
    /// takes a runtime, which lives as long as the mail.
    pub(super) fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let message = mail.message(&self.settings.from)?;
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| SendError::Away(error.to_string()))?;
        let sent = runtime.block_on(self.deliver(&message));
        // A look-up of the server's name may still be under way, on a thread that nothing ends.
        runtime.shutdown_background();
        sent
    }

    async fn deliver(&self, message: &Message) -> Result<(), SendError> {
        let patience = self.settings.patience;
        let connecting = self.connect(message.envelope());
        let mut connection = timeout(patience.unwrap_or(READY_WITHIN), connecting)
            .await
            .or(Err(SendError::Away(self.sentence("not ready in time"))))?
            .map_err(|error| SendError::Away(self.sentence(&error)))?;
        let formatted = message.formatted();
        let transfer = self.transfer(&mut connection, message.envelope(), &formatted);
        timeout(patience.unwrap_or(TAKEN_WITHIN), transfer)
            .await
            .or(Err(SendError::Later(self.sentence("no answer in time"))))??;
        // The server has the mail: what it says to a goodbye changes nothing.
        drop(timeout(GOODBYE_WITHIN, connection.quit()).await);
        Ok(())
    }

    /// Up to here a refusal concerns us, not this mail: the operator can mend it.
    async fn connect(&self, envelope: &Envelope) -> Result<AsyncSmtpConnection, Error> {
        let settings = &self.settings;
        let (tls, usual_port) = match &self.security {
            Security::Plain => (None, 25),
            Security::StartTls(_) => (None, 587),
            Security::Implicit(tls) => (Some(tls.clone()), 465),
        };
        // Servers look for a name with a dot in it, and the sender's is one of ours.
        let hello = envelope.from().map_or_else(ClientId::default, |sender| {
            ClientId::Domain(sender.domain().to_owned())
        });
        let host = settings.host.trim_matches(['[', ']']);
        let mut connection = AsyncSmtpConnection::connect_tokio1(
            (host, settings.port.unwrap_or(usual_port)),
            Some(EACH_ADDRESS_WITHIN),
            &hello,
            tls,
            None,
        )
        .await?;
        if let Security::StartTls(tls) = &self.security {
            connection.starttls(tls.clone(), &hello).await?;
        }
        if let Some((user, password)) = &settings.login {
            let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            connection.auth(&mechanisms, &credentials).await?;
        }
        Ok(connection)
    }

    async fn transfer(
        &self,
        connection: &mut AsyncSmtpConnection,
        envelope: &Envelope,
        message: &[u8],
    ) -> Result<(), SendError> {
        let server = connection.server_info();
        let mut parameters = Vec::new();
        let sender = envelope.from().into_iter();
        let ascii = |address: &Address| AsRef::<str>::as_ref(address).is_ascii();
        if !sender.chain(envelope.to()).all(ascii) {
            if !server.supports_feature(Extension::SmtpUtfEight) {
                return Err(SendError::Refused(
                    "the mail server takes no address with letters beyond ASCII".to_owned(),
                ));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !message.is_ascii() && server.supports_feature(Extension::EightBitMime) {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        connection
            .command(MailFrom::new(envelope.from().cloned(), parameters))
            .await
            .map_err(|error| SendError::Later(self.sentence(&error)))?;
        for recipient in envelope.to() {
            connection
                .command(Rcpt::new(recipient.clone(), Vec::new()))
                .await
                .map_err(|error| self.refused(&error))?;
        }
        connection
            .command(Data)
            .await
            .map_err(|error| self.refused(&error))?;
        connection
            .message(message)
            .await
            .map_err(|error| self.refused(&error))?;
        Ok(())
    }

    fn refused(&self, error: &Error) -> SendError {
        if error.is_permanent() {
            SendError::Refused(self.sentence(error))
        } else {
            SendError::Later(self.sentence(error))
        }
    }

    fn sentence(&self, error: impl fmt::Display) -> String {
        let error = error.to_string();
        // The server chooses the words, and often repeats whom it refuses: a line of the log
        // is one line, and has nobody's address in it.
        let word = |word| {
            if str::contains(word, '@') {
                "..."
            } else {
                word
            }
        };
        let words: Vec<&str> = error.split_whitespace().map(word).collect();
        let mut sentence = format!("mail server {}: {}", self.settings.host, words.join(" "));
        sentence.retain(|character| !character.is_control());
        sentence
    }
}

fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}
