//! Errors that keep the service from starting or end it.

use std::io;
use std::net::SocketAddr;

use crate::auth::KeyCheckError;
use crate::db::OpenError;
use crate::http::PagesError;
use crate::mail::{SmtpError, TemplateError};

/// Why the service does not start, or why it ends.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The database cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The keys with which second factors are encrypted are unusable.
    #[error(transparent)]
    SecretKey(#[from] KeyCheckError),
    /// The service cannot listen on the address.
    #[error(
        "cannot listen on {address}: {source}; {} choose another {flag}",
        bind_advice(source)
    )]
    Bind {
        /// The setting of the address.
        flag: &'static str,
        /// The address.
        address: SocketAddr,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The mail templates are invalid.
    #[error("--mail-templates: {0}")]
    Templates(#[from] TemplateError),
    /// The templates of pages, or the logo.
    #[error("--page-templates, --logo: {0}")]
    Pages(#[from] PagesError),
    /// The settings of the mail server are invalid.
    #[error("--mail: {0}")]
    Smtp(#[from] SmtpError),
    /// The socket that systemd or another parent process passed on is not usable.
    #[error(
        "socket activation (LISTEN_FDS) failed: {0}; it needs one listening TCP socket, such as \
         ListenStream=127.0.0.1:5000 in a socket unit"
    )]
    SocketActivation(#[source] io::Error),
    /// The disk lost a commit.
    #[error(
        "the database could not be written through to the disk: {cause}. All answered requests \
         are stored. The service ends and has to be restarted, to read the state of the disk; \
         check the system log for disk errors"
    )]
    CommitLost {
        /// The error of SQLite.
        cause: String,
    },
    /// The operating system refused a thread, a signal handler or a socket.
    #[error("the operating system refuses a resource: {0}")]
    System(#[from] io::Error),
}

impl ServerError {
    /// Whether a restart is useless until an operator has changed something.
    #[must_use]
    pub fn is_permanent(&self) -> bool {
        match self {
            Self::Open(error) => error.is_permanent(),
            Self::SecretKey(error) => error.is_permanent(),
            Self::Bind { source, .. } => matches!(
                source.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::AddrNotAvailable
            ),
            Self::SocketActivation(_) | Self::Templates(_) | Self::Pages(_) | Self::Smtp(_) => true,
            Self::CommitLost { .. } | Self::System(_) => false,
        }
    }
}

fn bind_advice(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::AddrInUse {
        "stop the process that listens there, or"
    } else if error.kind() == io::ErrorKind::PermissionDenied {
        "ports under 1024 need a privilege;"
    } else {
        "please"
    }
}
