//! Between the signal and the stop: the requests that are on their way come first.
//!
//! When Actix stops, it closes every connection that is between two requests, also those on
//! which one has arrived and was not read yet. So no connection may be in use by then.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::rt;

use crate::http::Connections;

/// Until whoever was accepted last is known as a connection.
const SETTLE: Duration = Duration::from_millis(20);

/// Who sent nothing for so long is not in the middle of something, and is closed.
const RECENT: Duration = Duration::from_millis(500);

const LOOK: Duration = Duration::from_millis(5);

/// Takes in no new connections, makes each answer the last one of its connection, and
/// closes those that are idle. Returns when each that is left has a request in flight.
///
/// The listener is given where it is the server's own: who knocks is then refused, instead
/// of let into a queue that nobody looks at any more.
pub(super) async fn drain(
    server: &ServerHandle,
    connections: &Connections,
    listener: Option<TcpListener>,
) {
    connections.end();
    server.pause().await;
    if let Some(listener) = listener {
        // Actix logs an error if it accepts afterwards; it looks up within this time.
        rt::time::sleep(Duration::from_millis(1)).await;
        refuse(listener);
    }
    rt::time::sleep(SETTLE).await;
    let deadline = Instant::now() + RECENT + SETTLE;
    while connections.close_idle(RECENT) > 0 && Instant::now() < deadline {
        rt::time::sleep(LOOK).await;
    }
}

/// On Linux a listener that is shut down listens no longer, in whoever's hands it is.
fn refuse(listener: TcpListener) {
    let socket = TcpStream::from(OwnedFd::from(listener));
    if let Err(error) = socket.shutdown(Shutdown::Both) {
        log::debug!("the listener stays open until the end: {error}");
    }
}
