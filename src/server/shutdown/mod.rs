//! How the server comes to its end: on a signal, or when it must not go on.

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
use super::watchdog::Manager;
use crate::http::Connections;
use drain::drain;

/// How long requests that were read may take to be answered after the signal to stop.
pub(super) const DRAIN_SECONDS: u64 = 25;

/// The same after the database lost a commit.
const DRAIN_AFTER_LOSS: Duration = Duration::from_secs(3);

/// What a stop has to do with.
pub(super) struct Stop {
    pub(super) server: ServerHandle,
    pub(super) connections: Arc<Connections>,
    /// None if it belongs to who started the process: what waits in it is the next one's.
    pub(super) own_listener: Option<TcpListener>,
    pub(super) manager: Arc<Manager>,
    pub(super) watching: Option<JoinHandle<()>>,
}

impl Stop {
    /// Waits for a signal, or for a commit that the database lost, and stops the server then.
    /// Returns the cause of that loss, if it was one.
    pub(super) async fn when(
        self,
        signals: Signals,
        must_restart: impl Future<Output = String>,
    ) -> Option<String> {
        let cause = match select(pin!(signals.first()), pin!(must_restart)).await {
            Either::Left((name, _)) => {
                log::info!("{name}: answering what was read, then stopping");
                None
            }
            Either::Right((cause, _)) => {
                log::error!("the database lost a commit: answering what was read, then ending");
                Some(cause)
            }
        };
        if let Some(watching) = self.watching {
            watching.abort();
        }
        self.manager.stopping("answering what was read");
        drain(&self.server, &self.connections, self.own_listener).await;
        let stopped = self.server.stop(true);
        if cause.is_none() {
            stopped.await;
        } else {
            // The sooner the next one starts the better; nothing can be written until then.
            let drained = rt::time::timeout(DRAIN_AFTER_LOSS, stopped).await;
            if drained.is_err() {
                log::warn!("not all requests were answered in {DRAIN_AFTER_LOSS:?}");
            }
        }
        cause
    }
}
