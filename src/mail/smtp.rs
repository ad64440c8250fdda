use std::fmt;
use std::net::IpAddr;
use std::time::Duration;

use lettre::address::{Address, Envelope};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{SmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use secrecy::{ExposeSecret, SecretString};

use super::{Mail, SendError};
use crate::domain::Email;

/// How long a server may take for each step: the connection, and each answer.
const PATIENCE: Duration = Duration::from_secs(10);

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
    /// How long it may take for each step, if not the usual time.
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
    pub(super) fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let message = mail.message(&self.settings.from)?;
        let mut connection = self
            .connect(message.envelope())
            .map_err(|error| self.later(&error))?;
        let result = self.transfer(&mut connection, message.envelope(), &message.formatted());
        match result {
            // The server has the mail: what it says to a goodbye changes nothing.
            Ok(()) => drop(connection.quit()),
            Err(_) => connection.abort(),
        }
        result
    }

    /// Up to here a refusal concerns us, not this mail: the operator can mend it.
    fn connect(&self, envelope: &Envelope) -> Result<SmtpConnection, Error> {
        let settings = &self.settings;
        let (tls, usual_port) = match &self.security {
            Security::Plain => (None, 25),
            Security::StartTls(_) => (None, 587),
            Security::Implicit(tls) => (Some(tls), 465),
        };
        // Servers look for a name with a dot in it, and the sender's is one of ours.
        let hello = envelope.from().map_or_else(ClientId::default, |sender| {
            ClientId::Domain(sender.domain().to_owned())
        });
        let mut connection = SmtpConnection::connect(
            (
                settings.host.trim_matches(['[', ']']),
                settings.port.unwrap_or(usual_port),
            ),
            Some(settings.patience.unwrap_or(PATIENCE)),
            &hello,
            tls,
            None,
        )?;
        if let Security::StartTls(tls) = &self.security {
            connection.starttls(tls, &hello)?;
        }
        if let Some((user, password)) = &settings.login {
            let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
            connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials)?;
        }
        Ok(connection)
    }

    fn transfer(
        &self,
        connection: &mut SmtpConnection,
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
            .map_err(|error| self.later(&error))?;
        for recipient in envelope.to() {
            connection
                .command(Rcpt::new(recipient.clone(), Vec::new()))
                .map_err(|error| self.refused(&error))?;
        }
        connection
            .command(Data)
            .and_then(|_| connection.message(message))
            .map_err(|error| self.refused(&error))?;
        Ok(())
    }

    fn refused(&self, error: &Error) -> SendError {
        if error.is_permanent() {
            SendError::Refused(self.sentence(error))
        } else {
            self.later(error)
        }
    }

    fn later(&self, error: &Error) -> SendError {
        SendError::Later(self.sentence(error))
    }

    fn sentence(&self, error: &Error) -> String {
        let mut sentence = format!("mail server {}: {error}", self.settings.host);
        // The server chooses the words, and a line of the log is one line.
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
