//! Flushes buffered writes at a shutdown, within a time limit.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use actix_web::web;

use crate::auth::Auth;

/// How long the last writes may take after all requests are answered. If the database hangs, the
/// process ends without them, and up to a minute of last uses is lost.
const FLUSH_MAX: Duration = Duration::from_secs(4);

/// Flushes on a thread, which is abandoned if the database hangs. Blocks for at most 4 seconds.
pub(in crate::server) fn flush(auth: web::Data<Auth>) -> io::Result<()> {
    let (running, finished) = mpsc::channel::<()>();
    thread::Builder::new().name("flush".into()).spawn(move || {
        auth.flush();
        drop(auth);
        drop(running);
    })?;
    if let Err(RecvTimeoutError::Timeout) = finished.recv_timeout(FLUSH_MAX) {
        log::warn!("the database does not answer; the last uses of sessions were not written");
    }
    Ok(())
}
