//! Between the signal and the stop: the requests that are on their way come first.
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

/// Until Actix accepts nobody any more, and whoever was accepted last is known as a connection.
const SETTLE: Duration = Duration::from_millis(20);

/// Who sent nothing for so long is not in the middle of something, and is closed.
const RECENT: Duration = Duration::from_millis(500);

const LOOK: Duration = Duration::from_millis(5);

/// Takes in no new connections, makes each answer the last one of its connection, and
/// closes those that are idle. Returns when each that is left has a request in flight.
///
/// The listener is given where it is the server's own: who is in its queue by then is told to
/// come back, and who comes later is refused.
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
    // Not before nobody is let in: who gets a last answer may come back at once.
    connections.end();
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
