//! The listening socket that systemd hands over.

use std::io;
use std::net::TcpListener;

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;

/// Takes the listening socket that the parent process has opened: systemd by a socket unit
/// (`LISTEN_FDS`, `LISTEN_PID`). It stays open there when this process ends, and connections
/// wait in it for the next process.
///
/// # Errors
/// If what was passed on is not one listening TCP socket.
pub(super) fn inherited() -> io::Result<Option<TcpListener>> {
    let mut inherited = ListenFd::from_env();
    if inherited.len() > 1 {
        let several = format!("{} sockets instead of one", inherited.len());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, several));
    }
    let Some(listener) = inherited.take_tcp_listener(0)? else {
        return Ok(None);
    };
    if !socket_acceptconn(&listener)? {
        let connection = "a connection, not a listening socket (Accept=yes)";
        return Err(io::Error::new(io::ErrorKind::InvalidInput, connection));
    }
    Ok(Some(listener))
}
