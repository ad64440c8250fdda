//! The last writes at a stop, for a bounded time.

use std::io;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use actix_web::web;

use crate::auth::Auth;

/// How long the last writes may take after all requests are answered. A database that hangs must not keep the
/// process: what is lost is a minute of last uses.
const WIND_UP: Duration = Duration::from_secs(4);

/// Does the last writes on a thread, which is left behind if the database hangs.
pub(in crate::server) fn flush(auth: web::Data<Auth>) -> io::Result<()> {
    let (running, finished) = mpsc::channel::<()>();
    thread::Builder::new()
        .name("wind-up".into())
        .spawn(move || {
            auth.flush();
            drop(auth);
            drop(running);
        })?;
    if let Err(RecvTimeoutError::Timeout) = finished.recv_timeout(WIND_UP) {
        log::warn!("the database has no answer; the last uses of sessions are not written down");
    }
    Ok(())
}
