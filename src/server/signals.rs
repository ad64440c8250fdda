//! The signals that stop the service.

use std::io;
use std::pin::pin;

use actix_web::rt::signal::unix::{Signal, SignalKind, signal};
use futures_util::future::{Either, select};

/// The handlers of SIGTERM and SIGINT. They stay installed: a second signal during a shutdown has
/// no effect.
pub(super) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    pub(super) fn install() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    pub(super) async fn first(mut self) -> &'static str {
        let terminate = pin!(self.terminate.recv());
        let interrupt = pin!(self.interrupt.recv());
        match select(terminate, interrupt).await {
            Either::Left(_) => "SIGTERM",
            Either::Right(_) => "SIGINT",
        }
    }
}
