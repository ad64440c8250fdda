//! The SMTP transport.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use lettre::address::{Address, Envelope};
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail as MailFrom, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use secrecy::{ExposeSecret, SecretString};
use tokio::net::lookup_host;
use tokio::runtime::Builder;
use tokio::time::timeout;

use super::smtp_failure::Server;
use super::{Mail, SendError};
use crate::domain::Email;

/// How long a server may take until it is ready for a mail: connection, TLS, greeting, login.
const READY_WITHIN: Duration = Duration::from_secs(20);

/// How long the server may then take to accept a mail. Some servers scan it before they answer,
/// and a server that is cut off meanwhile may have accepted it.
const TAKEN_WITHIN: Duration = Duration::from_secs(180);

/// How long one address of the server is tried before the next one.
const EACH_ADDRESS_WITHIN: Duration = Duration::from_secs(5);

/// How long a server may take to answer QUIT.
const GOODBYE_WITHIN: Duration = Duration::from_secs(1);

/// The settings of a mail server.
#[derive(Debug, Clone)]
pub struct SmtpSettings {
    /// Its name or address.
    pub host: String,
    /// Its port, if not the usual one.
    pub port: Option<u16>,
    /// Whether the connection begins with TLS (`smtps://`). Otherwise TLS begins with STARTTLS,
    /// which only a server on this machine may lack.
    pub implicit_tls: bool,
    /// User and password, if the server requires a login.
    pub login: Option<(String, SecretString)>,
    /// The sender of mails.
    pub from: Email,
    /// How long the server may take until it is ready, and again for the mail, if not the defaults.
    pub patience: Option<Duration>,
}

/// A mail server.
pub struct Smtp {
    settings: SmtpSettings,
    security: Security,
    port: u16,
    server: Server,
}

enum Security {
    Plain,
    StartTls(TlsParameters),
    Implicit(TlsParameters),
}

/// TLS to the mail server cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("no TLS to the mail server: {0}")]
pub struct SmtpError(#[source] Error);

impl fmt::Debug for Smtp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}

impl Smtp {
    /// Prepares the transport. It does not connect before the first mail.
    ///
    /// # Errors
    /// [`SmtpError`] if the system has no root certificates.
    pub fn new(settings: SmtpSettings) -> Result<Self, SmtpError> {
        let tls = || TlsParameters::new(settings.host.clone()).map_err(SmtpError);
        let (security, usual_port) = if settings.implicit_tls {
            (Security::Implicit(tls()?), 465)
        } else if is_this_machine(&settings.host) {
            (Security::Plain, 25)
        } else {
            (Security::StartTls(tls()?), 587)
        };
        let port = settings.port.unwrap_or(usual_port);
        let server = Server {
            name: format!("{}:{port}", settings.host),
            implicit_tls: settings.implicit_tls,
        };
        Ok(Self {
            settings,
            security,
            port,
            server,
        })
    }

    /// The server's name or address, and its port.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.server.name
    }

    /// Sends a mail on a new connection: mails are rare, and an idle connection may be dead when
    /// it is needed. Blocks for at most some minutes.
    ///
    /// A server may answer byte by byte without end, so the whole transfer has a timeout. That
    /// needs an async runtime, which is created for each mail.
    ///
    /// # Errors
    /// [`SendError`], which says whether a retry can succeed.
    pub fn send(&self, mail: &Mail) -> Result<(), SendError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| SendError::Away(error.to_string()))?;
        let sent = runtime.block_on(self.deliver(mail));
        // A lookup of the server's name may still run on a thread that cannot be stopped.
        runtime.shutdown_background();
        sent
    }

    /// Connects to the server as for a mail, with TLS and login, and sends none. Blocks for at most
    /// 20 seconds.
    ///
    /// # Errors
    /// [`SendError::Away`], for which no mail could be sent.
    pub fn check(&self) -> Result<(), SendError> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| SendError::Away(error.to_string()))?;
        let checked = runtime.block_on(async {
            let sender = self.settings.from.as_str();
            let domain = sender.rsplit_once('@').map(|(_, domain)| domain);
            let mut connection = self.connect_in_time(domain).await?;
            drop(timeout(GOODBYE_WITHIN, connection.quit()).await);
            Ok(())
        });
        runtime.shutdown_background();
        checked
    }

    async fn deliver(&self, mail: &Mail) -> Result<(), SendError> {
        let patience = self.settings.patience;
        let envelope = mail.envelope(&self.settings.from)?;
        let domain = envelope.from().map(Address::domain);
        let mut connection = self.connect_in_time(domain).await?;
        let eight_bit = connection
            .server_info()
            .supports_feature(Extension::EightBitMime);
        let message = mail.message(&self.settings.from, eight_bit)?;
        let transfer = self.transfer(&mut connection, &envelope, &message);
        timeout(patience.unwrap_or(TAKEN_WITHIN), transfer)
            .await
            .unwrap_or_else(|_| Err(SendError::Later(self.server.too_slow())))?;
        // The server has accepted the mail, so its answer to QUIT does not matter.
        drop(timeout(GOODBYE_WITHIN, connection.quit()).await);
        Ok(())
    }

    /// Connects and logs in. A failure affects every mail, and the operator can correct it.
    async fn connect_in_time(
        &self,
        domain: Option<&str>,
    ) -> Result<AsyncSmtpConnection, SendError> {
        let patience = self.settings.patience.unwrap_or(READY_WITHIN);
        timeout(patience, self.connect(domain))
            .await
            .unwrap_or_else(|_| Err(self.server.silent()))
            .map_err(SendError::Away)
    }

    async fn connect(&self, domain: Option<&str>) -> Result<AsyncSmtpConnection, String> {
        let (settings, server) = (&self.settings, &self.server);
        // Servers expect a name with a dot. The sender's domain is one of the operator's.
        let hello = domain.map_or_else(ClientId::default, |domain| {
            ClientId::Domain(domain.to_owned())
        });
        let host = settings.host.trim_matches(['[', ']']);
        let addresses = lookup_host((host, self.port)).await;
        let addresses = addresses.map_err(|error| server.not_found(&error))?;
        let addresses: Vec<SocketAddr> = addresses.collect();
        let implicit_tls = match &self.security {
            Security::Implicit(tls) => Some(tls.clone()),
            Security::StartTls(_) | Security::Plain => None,
        };
        let patience = Some(EACH_ADDRESS_WITHIN);
        let failed = |error| server.not_connected(&error);
        let addresses = addresses.as_slice();
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(addresses, patience, &hello, implicit_tls, None)
                .await
                .map_err(failed)?;
        if let Security::StartTls(tls) = &self.security {
            if !connection.can_starttls() {
                return Err(server.without_tls());
            }
            let started = connection.starttls(tls.clone(), &hello).await;
            started.map_err(failed)?;
        }
        if let Some((user, password)) = &settings.login {
            let mechanisms = [Mechanism::Plain, Mechanism::Login];
            let offered = connection.server_info().get_auth_mechanism(&mechanisms);
            if offered.is_none() {
                return Err(server.without_login());
            }
            let credentials = Credentials::new(user.clone(), password.expose_secret().to_owned());
            let logged_in = connection.auth(&mechanisms, &credentials).await;
            logged_in.map_err(|error| server.login_failed(&error))?;
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
                return Err(SendError::Refused(format!(
                    "the mail server accepts ASCII addresses only ({})",
                    self.server()
                )));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !message.is_ascii() && server.supports_feature(Extension::EightBitMime) {
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        connection
            .command(MailFrom::new(envelope.from().cloned(), parameters))
            .await
            .map_err(|error| SendError::Later(self.server.sender_failed(&error)))?;
        for recipient in envelope.to() {
            connection
                .command(Rcpt::new(recipient.clone(), Vec::new()))
                .await
                .map_err(|error| self.not_taken(&error))?;
        }
        connection
            .command(Data)
            .await
            .map_err(|error| self.not_taken(&error))?;
        connection
            .message(message)
            .await
            .map_err(|error| self.not_taken(&error))?;
        Ok(())
    }

    fn not_taken(&self, error: &Error) -> SendError {
        let why = self.server.not_taken(error);
        if error.is_permanent() {
            SendError::Refused(why)
        } else {
            SendError::Later(why)
        }
    }
}

fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host
            .trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_is_this_machine() {
        for (host, is_local) in [
            ("localhost", true),
            ("LOCALHOST", true),
            ("127.0.0.1", true),
            ("127.8.9.1", true),
            ("[::1]", true),
            ("notlocalhost", false),
            ("mail.localhost", false),
            ("localhost.example.org", false),
            ("0.0.0.0", false),
            ("192.0.2.7", false),
            ("[2001:db8::1]", false),
        ] {
            assert_eq!(is_this_machine(host), is_local, "{host}");
        }
    }
}
