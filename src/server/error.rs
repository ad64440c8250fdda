//! Why the service does not start or ends.

use std::io;
use std::net::SocketAddr;

use crate::auth::KeyCheckError;
use crate::db::OpenError;
use crate::mail::{SmtpError, TemplateError};

/// Why the service does not run.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The database.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The key under which second factors are encrypted.
    #[error(transparent)]
    SecretKey(#[from] KeyCheckError),
    /// The address.
    #[error(
        "cannot listen on {address}: {source}; {} choose another {flag}",
        bind_advice(source)
    )]
    Bind {
        /// The setting that says so.
        flag: &'static str,
        /// Where it should have listened.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// The templates of mails.
    #[error("--mail-templates: {0}")]
    Templates(#[from] TemplateError),
    /// The mail server's settings.
    #[error("--mail: {0}")]
    Smtp(#[from] SmtpError),
    /// The socket that systemd, or another parent process, passed on to listen on.
    #[error(
        "what was handed over to listen on (LISTEN_FDS) cannot be: {0}; it has to be one TCP \
         socket, such as ListenStream=127.0.0.1:5000 makes it in a socket unit"
    )]
    SocketActivation(#[source] io::Error),
    /// The disk lost a commit.
    #[error(
        "the database could not be written through to the disk: {cause}; what was answered is \
         there, and the program ends so that it is started anew and reads what the disk holds; \
         look into the system's log for the disk"
    )]
    CommitLost {
        /// What SQLite says.
        cause: String,
    },
    /// Threads, signals, sockets.
    #[error("the system refuses what the service needs: {0}")]
    System(#[from] io::Error),
}

impl ServerError {
    /// Whether starting again is of no use until somebody has changed something.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Open(error) => error.is_permanent(),
            Self::SecretKey(error) => error.is_permanent(),
            Self::Bind { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::AddrNotAvailable
            ),
            Self::SocketActivation(_) | Self::Templates(_) | Self::Smtp(_) => true,
            Self::CommitLost { .. } | Self::System(_) => false,
        }
    }
}

fn bind_advice(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::AddrInUse {
        "stop what listens there, or"
    } else if error.kind() == io::ErrorKind::PermissionDenied {
        "ports under 1024 need a privilege;"
    } else {
        "please"
    }
}
