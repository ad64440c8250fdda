//! The listening socket that systemd hands over.

use std::io;
use std::net::TcpListener;

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;

/// Takes over the listening socket that whoever started the process has opened for it: systemd
/// by a socket unit (`LISTEN_FDS`, `LISTEN_PID`). It stays open there when this process ends,
/// and connections wait in it for the next one.
///
/// # Errors
/// If what was handed over is not one listening TCP socket.
pub(super) fn inherited() -> io::Result<Option<TcpListener>> {
    let mut handed_over = ListenFd::from_env();
    if handed_over.len() > 1 {
        let several = format!("{} sockets instead of one", handed_over.len());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, several));
    }
    let Some(listener) = handed_over.take_tcp_listener(0)? else {
        return Ok(None);
    };
    if !socket_acceptconn(&listener)? {
        let connection = "a connection, not a listening socket (Accept=yes)";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, connection));
    }
    Ok(Some(listener))
}
