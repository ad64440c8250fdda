//! Socket activation: systemd passes the listening socket to the service.

use std::io;
use std::net::TcpListener;

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;

/// Takes the listening socket that systemd, or another parent process, has opened (`LISTEN_FDS`,
/// `LISTEN_PID`). The socket stays open there when this process ends, and new connections wait in
/// its backlog for the next process.
///
/// # Errors
/// [`io::Error`] unless exactly one listening TCP socket was passed.
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
