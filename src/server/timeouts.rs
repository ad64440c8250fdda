//! How long a client may take for each part of a request.

use std::sync::Arc;
use std::time::Duration;

use actix_web::rt;

use crate::http::Connections;

/// The head of the first request of a connection.
pub(super) const HEAD: Duration = Duration::from_secs(5);

/// Nothing at all after an answer.
pub(super) const KEEP_ALIVE: Duration = Duration::from_secs(5);

/// Closing, once the last answer is written.
pub(super) const DISCONNECT: Duration = Duration::from_secs(1);

/// From an answer to the whole head of the next request.
const NEXT_HEAD: Duration = KEEP_ALIVE.saturating_add(Duration::from_secs(10));

const SWEEP: Duration = Duration::from_millis(250);

/// Closes the connections that are idle for too long, for as long as the server runs.
pub(super) fn keep(connections: Arc<Connections>) {
    rt::spawn(async move {
        loop {
            rt::time::sleep(SWEEP).await;
            connections.close_idle(NEXT_HEAD);
        }
    });
}
