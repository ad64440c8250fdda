//! Drains the connections: answers the requests that have arrived before Actix stops.
//!
//! When Actix stops, it closes every connection that is between two requests, also those on
//! which one has arrived and was not read yet. So no connection may be in use by then.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::rt;

use super::backlog::reject_backlog;
use crate::http::Connections;

/// How long after the pause Actix may still accept a connection and register it.
const SETTLE: Duration = Duration::from_millis(20);

/// A connection that was silent for so long is between two requests, and is closed.
const RECENT: Duration = Duration::from_millis(500);

/// How often idle connections are closed meanwhile.
const POLL: Duration = Duration::from_millis(5);

/// Accepts no new connections, makes each answer the last one of its connection, and
/// closes those that are idle. Returns when each that is left has a request in flight.
///
/// The listener is given if it is the server's own: connections in its backlog are answered
/// 503, and later ones are refused.
pub(super) async fn drain(
    server: &ServerHandle,
    connections: &Connections,
    listener: Option<TcpListener>,
) {
    server.pause().await;
    rt::time::sleep(SETTLE).await;
    if let Some(listener) = listener {
        reject_backlog(&listener);
        refuse(listener);
    }
    // Not before: a client may connect again as soon as it has its last answer.
    connections.start_drain();
    let deadline = Instant::now() + RECENT + SETTLE;
    while connections.close_idle(RECENT) > 0 && Instant::now() < deadline {
        rt::time::sleep(POLL).await;
    }
}

/// On Linux a listener that is shut down listens no longer, whichever process holds it.
fn refuse(listener: TcpListener) {
    let socket = TcpStream::from(OwnedFd::from(listener));
    if let Err(error) = socket.shutdown(Shutdown::Both) {
        log::debug!("the listener stays open until the end: {error}");
    }
}
