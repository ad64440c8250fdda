use std::io;
use std::net::{SocketAddr, TcpListener};

use tokio::net::TcpSocket;

/// As many connections may wait as Actix itself lets wait.
pub(super) fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    const BACKLOG: u32 = 2048;
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)?.into_std()
}
