use std::io;
use std::net::{SocketAddr, TcpListener};

use tokio::net::TcpSocket;

use super::ServerError;

/// Listens where the setting says.
pub(super) fn listen(flag: &'static str, address: SocketAddr) -> Result<TcpListener, ServerError> {
    open(address).map_err(|source| ServerError::Bind {
        flag,
        address,
        source,
    })
}

/// As many connections may wait as Actix itself lets wait.
fn open(address: SocketAddr) -> io::Result<TcpListener> {
    const BACKLOG: u32 = 2048;
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}
