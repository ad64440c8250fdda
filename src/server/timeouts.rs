//! Timeouts for the parts of a request.

use std::sync::Arc;
use std::time::Duration;

use actix_web::rt;

use crate::http::Connections;

/// How long the head of a connection's first request may take.
pub(super) const HEAD: Duration = Duration::from_secs(5);

/// How long a connection may be silent after a response.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// How long closing a connection may take after the last response.
pub(super) const DISCONNECT: Duration = Duration::from_secs(1);

/// The longest time from a response to the complete head of the next request.
const NEXT_HEAD: Duration = KEEP_ALIVE.saturating_add(Duration::from_secs(10));

const SWEEP: Duration = Duration::from_millis(250);

/// Starts a task that closes connections after too long an idle time. It ends with the server.
pub(super) fn keep(connections: &Arc<Connections>) {
    let connections = Arc::downgrade(connections);
    rt::spawn(async move {
        while let Some(connections) = connections.upgrade() {
            connections.close_idle(NEXT_HEAD);
            drop(connections);
            rt::time::sleep(SWEEP).await;
        }
    });
}
