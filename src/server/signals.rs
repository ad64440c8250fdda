//! The signals that stop the service.

use std::io;
use std::pin::pin;

use actix_web::rt;
use actix_web::rt::signal::unix::{SignalKind, signal};
use futures_util::future::{Either, select};
use tokio::sync::watch;

/// The handlers of SIGTERM and SIGINT. They stay installed: a second signal during a shutdown has
/// no effect, and one that arrives while the service changes to another database is not lost.
#[derive(Clone)]
pub(super) struct Signals(watch::Receiver<Option<&'static str>>);

impl Signals {
    pub(super) fn install() -> io::Result<Self> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let (arrived, first) = watch::channel(None);
        rt::spawn(async move {
            let name = match select(pin!(terminate.recv()), pin!(interrupt.recv())).await {
                Either::Left(_) => "SIGTERM",
                Either::Right(_) => "SIGINT",
            };
            arrived.send_replace(Some(name));
            // A receiver that is closed would look like one without a signal.
            std::future::pending::<()>().await;
        });
        Ok(Self(first))
    }

    /// Resolves with the name of the first signal, also if it has arrived before.
    pub(super) async fn first(mut self) -> &'static str {
        let first = match self.0.wait_for(Option::is_some).await {
            Ok(first) => *first,
            Err(_) => None,
        };
        match first {
            Some(name) => name,
            None => std::future::pending().await,
        }
    }
}
