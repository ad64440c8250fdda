//! Messages about failures of the mail server, which name the server and the remedy.

use std::error::Error as _;
use std::io::{self, ErrorKind};

use lettre::transport::smtp::Error;

/// The server for messages: host and port.
#[derive(Debug, Clone)]
pub(super) struct Server {
    pub(super) name: String,
    /// Whether the connection begins with TLS.
    pub(super) implicit_tls: bool,
}

impl Server {
    /// The server's name has no address.
    pub(super) fn not_found(&self, error: &io::Error) -> String {
        let error = error.to_string();
        let cause = error.rsplit(": ").next().unwrap_or_default();
        self.unreachable(&format!("name not found: {cause}"))
    }

    /// The connection, its TLS or the greeting failed.
    pub(super) fn not_connected(&self, error: &Error) -> String {
        let name = &self.name;
        match io_error(error) {
            Some(cause) if cause.kind() == ErrorKind::InvalidData => self.no_tls(cause),
            Some(cause) if cause.raw_os_error().is_some() => {
                self.unreachable(&cause.kind().to_string())
            }
            Some(cause) => self.unreachable(&cause.to_string()),
            None if error.status().is_some() => {
                format!(
                    "the mail server refuses the connection ({}, {name})",
                    answer(error)
                )
            }
            None => format!(
                "the mail server gives no valid answer ({}, {name}). Check host and port",
                answer(error)
            ),
        }
    }

    fn unreachable(&self, cause: &str) -> String {
        format!("the mail server cannot be reached ({cause}, {})", self.name)
    }

    /// Describes a failure of TLS. rustls' own messages are hard to understand.
    fn no_tls(&self, cause: &io::Error) -> String {
        let (name, cause) = (&self.name, cause.to_string());
        if let Some(why) = cause.strip_prefix("invalid peer certificate: ") {
            return format!(
                "the certificate of the mail server is not trusted ({why}, {name}). Use the name \
                 that the certificate is for, or add its issuer to the certificates of the system"
            );
        }
        let remedy = if self.implicit_tls {
            "use smtp:// or another port"
        } else {
            "use another port"
        };
        if cause.contains("corrupt message") {
            format!("the server does not speak TLS on this port ({name}); {remedy}")
        } else {
            format!("TLS with the mail server failed ({cause}, {name}); {remedy}")
        }
    }

    /// The server was not ready for a mail in time.
    pub(super) fn silent(&self) -> String {
        let remedy = if self.implicit_tls {
            ""
        } else {
            "; if the port begins with TLS, use smtps://"
        };
        format!(
            "the mail server cannot be reached (no answer in time, {}){remedy}",
            self.name
        )
    }

    /// The server does not support STARTTLS.
    pub(super) fn without_tls(&self) -> String {
        format!(
            "the server offers no TLS (STARTTLS) on this port ({}); use smtps:// or another port",
            self.name
        )
    }

    /// The server supports no login mechanism that we support.
    pub(super) fn without_login(&self) -> String {
        format!(
            "the server offers no login here ({}); usually because the connection has no TLS. Use \
             smtps://, or leave out --mail-user (BIENVENUE_MAIL_USER)",
            self.name
        )
    }

    /// The server did not accept user and password.
    pub(super) fn login_failed(&self, error: &Error) -> String {
        if error.is_permanent() {
            format!(
                "the mail server rejects the login ({}, {}). Check --mail-user and --mail-password",
                answer(error),
                self.name
            )
        } else {
            self.not_connected(error)
        }
    }

    /// The server did not accept the sender.
    pub(super) fn sender_failed(&self, error: &Error) -> String {
        if error.is_permanent() {
            format!(
                "the mail server rejects the sender's address ({}, {}). Check --mail-from \
                 (BIENVENUE_MAIL_FROM)",
                answer(error),
                self.name
            )
        } else {
            self.not_taken(error)
        }
    }

    /// The server did not accept the mail.
    pub(super) fn not_taken(&self, error: &Error) -> String {
        let (name, answer) = (&self.name, answer(error));
        if error.is_permanent() {
            format!("rejected by the mail server ({answer}, {name})")
        } else if error.is_transient() {
            format!("deferred by the mail server ({answer}, {name})")
        } else {
            format!("the mail server broke off the connection ({answer}, {name})")
        }
    }

    /// The server took too long to accept the mail.
    pub(super) fn too_slow(&self) -> String {
        format!(
            "the mail server did not accept the mail in time ({})",
            self.name
        )
    }
}

/// The error of the operating system or of TLS below lettre's error.
fn io_error(error: &Error) -> Option<&io::Error> {
    let mut cause = error.source()?;
    loop {
        match cause.downcast_ref() {
            Some(found) => return Some(found),
            None => cause = cause.source()?,
        }
    }
}

/// The answer of the server, or the error without one.
///
/// The server chooses the text, which may contain line breaks and often the recipient's address.
/// Both are removed for the log.
fn answer(error: &Error) -> String {
    let words = match (error.source(), io_error(error)) {
        (Some(_), Some(cause)) if cause.raw_os_error().is_some() => cause.kind().to_string(),
        (Some(cause), _) => cause.to_string(),
        (None, _) => error.to_string(),
    };
    let words = words
        .split_whitespace()
        .map(|word| if word.contains('@') { "..." } else { word });
    let code = error.status().map(|code| code.to_string());
    let mut answer: Vec<&str> = code.as_deref().into_iter().collect();
    answer.extend(words);
    let mut answer = answer.join(" ");
    answer.retain(|character| !character.is_control());
    answer
}
