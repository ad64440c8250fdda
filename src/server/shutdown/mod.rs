//! Graceful shutdown: on a signal, or after the database has lost a commit. After a move, the
//! service on the old database retires beside the one on the new database.

mod backlog;
mod drain;
mod flush;

use std::net::TcpListener;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::rt;
use actix_web::rt::task::JoinHandle;
use futures_util::future::{Either, select};

pub(super) use flush::flush;

use super::signals::Signals;
use super::watchdog::ServiceManager;
use crate::db::RestartCause;
use crate::http::Connections;
use drain::{close_connections, drain};

/// How many seconds the requests in flight may take after the signal to stop.
pub(super) const DRAIN_SECONDS: u64 = 25;

/// How long they may take if the database has to be opened again.
const DRAIN_BEFORE_RESTART: Duration = Duration::from_secs(3);

/// The parts of the service that a graceful shutdown stops.
pub(super) struct Shutdown {
    pub(super) server: ServerHandle,
    pub(super) connections: Arc<Connections>,
    /// None if systemd owns the socket: the next process accepts the connections in its backlog.
    pub(super) own_listener: Option<TcpListener>,
    pub(super) manager: Arc<ServiceManager>,
    pub(super) watchdog: Option<JoinHandle<()>>,
}

impl Shutdown {
    /// Waits for a signal, or until the database has to be opened again, and stops the server.
    /// Returns why it has to be opened again, if so. After a move the server still answers the
    /// requests that it has read: [`retire`] stops it.
    pub(super) async fn run(
        self,
        signals: Signals,
        restart: impl Future<Output = RestartCause>,
    ) -> Option<RestartCause> {
        let cause = match select(pin!(signals.first()), pin!(restart)).await {
            Either::Left((name, _)) => {
                log::info!("{name}: stopping after all requests that were read are answered");
                None
            }
            Either::Right((cause, _)) => {
                match cause {
                    RestartCause::CommitLost(_) => log::error!(
                        "the database lost a commit: the service ends and has to be restarted"
                    ),
                    RestartCause::Moved => {
                        log::info!("the database was moved: the service changes to the new one");
                    }
                }
                Some(cause)
            }
        };
        if let Some(watchdog) = self.watchdog {
            watchdog.abort();
        }
        if cause == Some(RestartCause::Moved) {
            self.manager.status("changing to another database");
            // New connections wait in the backlog for the service on the new database.
            self.server.pause().await;
            self.connections.start_drain();
            return cause;
        }
        self.manager.stopping("answering the last requests");
        drain(&self.server, &self.connections, self.own_listener).await;
        let stopped = self.server.stop(true);
        if cause.is_none() {
            stopped.await;
        } else {
            stop_soon(stopped).await;
        }
        cause
    }
}

/// Stops a server whose database was moved, after the requests that it has read are answered.
pub(super) async fn retire(server: &ServerHandle, connections: &Connections) {
    close_connections(connections).await;
    stop_soon(server.stop(true)).await;
}

/// Waits for the end of a server for a shorter time, because it can write nothing.
async fn stop_soon(stopped: impl Future<Output = ()>) {
    let drained = rt::time::timeout(DRAIN_BEFORE_RESTART, stopped).await;
    if drained.is_err() {
        log::warn!("not all requests were answered in {DRAIN_BEFORE_RESTART:?}");
    }
}
