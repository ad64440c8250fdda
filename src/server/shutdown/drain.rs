//! Drains the connections: all requests that have arrived are answered before Actix stops.
//!
//! When Actix stops, it closes every connection that is between two requests, even if a request
//! has arrived and was not read yet. So no connection may be open between two requests by then.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use actix_web::dev::ServerHandle;
use actix_web::rt;

use super::backlog::close_backlog;
use crate::http::Connections;

/// How long after the pause Actix may still accept a connection.
const SETTLE: Duration = Duration::from_millis(20);

/// How long a worker that is behind may take to register a connection that was accepted. Actix drops
/// those that it has not begun to serve when it stops.
const REGISTERED: Duration = Duration::from_millis(100);

/// After how long a silent connection counts as between two requests and is closed.
const RECENT: Duration = Duration::from_millis(500);

/// How often idle connections are closed meanwhile.
const POLL: Duration = Duration::from_millis(5);

/// Accepts no new connections, makes each response the last one of its connection, and closes idle
/// connections. Returns when all that are left have a request in flight.
///
/// `listener` is given if it is the service's own: then connections in its backlog are answered
/// 503, and later ones are refused.
pub(super) async fn drain(
    server: &ServerHandle,
    connections: &Connections,
    listener: Option<TcpListener>,
) {
    server.pause().await;
    rt::time::sleep(SETTLE).await;
    if let Some(listener) = listener {
        close_backlog(listener);
    }
    rt::time::sleep(REGISTERED).await;
    // Not earlier, because a client may connect again as soon as it has its last response.
    connections.start_drain();
    close_connections(connections).await;
}

/// Closes idle connections. Returns when all that are left have a request in flight.
pub(super) async fn close_connections(connections: &Connections) {
    let deadline = Instant::now() + RECENT + SETTLE;
    while connections.close_idle(RECENT) > 0 && Instant::now() < deadline {
        rt::time::sleep(POLL).await;
    }
}
