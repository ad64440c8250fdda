//! The sockets that the service listens on.

use std::io;
use std::net::{SocketAddr, TcpListener};

use tokio::net::TcpSocket;

use super::ServerError;
use crate::config::Config;

/// How many connections may wait to be accepted: the same number as in Actix.
const BACKLOG: u32 = 2048;

/// The open sockets, before a server accepts connections on them.
pub(super) struct Listeners {
    pub(super) service: TcpListener,
    pub(super) address: SocketAddr,
    /// Whether systemd opened the socket of the service. It then stays open after this process.
    pub(super) is_inherited: bool,
    pub(super) ops: Option<TcpListener>,
}

impl Listeners {
    /// Duplicates the sockets.
    pub(super) fn try_clone(&self) -> io::Result<Self> {
        Ok(Self {
            service: self.service.try_clone()?,
            ops: self.ops.as_ref().map(TcpListener::try_clone).transpose()?,
            ..*self
        })
    }

    /// Opens the sockets of the settings, or uses the one that systemd has opened.
    pub(super) fn open(
        config: &Config,
        inherited: Option<TcpListener>,
    ) -> Result<Self, ServerError> {
        let is_inherited = inherited.is_some();
        let service = match inherited {
            Some(listener) => listener,
            None => listen("--bind", config.bind())?,
        };
        let ops = config.listening.operator_bind;
        let ops = ops.map(|address| listen("--operator-bind", address));
        Ok(Self {
            address: service.local_addr()?,
            service,
            is_inherited,
            ops: ops.transpose()?,
        })
    }
}

fn listen(flag: &'static str, address: SocketAddr) -> Result<TcpListener, ServerError> {
    bind(address).map_err(|source| ServerError::Bind {
        flag,
        address,
        source,
    })
}

fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}
