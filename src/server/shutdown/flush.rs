//! Writes what is buffered at a shutdown, for a bounded time.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use actix_web::web;

use crate::auth::Auth;

/// How long the last writes may take after all requests are answered. If the database hangs,
/// the process ends without them: up to a minute of last-seen times is lost.
const FLUSH_MAX: Duration = Duration::from_secs(4);

/// Writes on a thread, which is abandoned if the database hangs.
pub(in crate::server) fn flush(auth: web::Data<Auth>) -> io::Result<()> {
    let (running, finished) = mpsc::channel::<()>();
    thread::Builder::new().name("flush".into()).spawn(move || {
        auth.flush();
        drop(auth);
        drop(running);
    })?;
    if let Err(RecvTimeoutError::Timeout) = finished.recv_timeout(FLUSH_MAX) {
        log::warn!("the database has no answer; the last uses of sessions are not written down");
    }
    Ok(())
}
