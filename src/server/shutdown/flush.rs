//! Flushes buffered writes at a shutdown, within a time limit.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use actix_web::web;

use crate::auth::Auth;

/// How long the last writes may take after all requests are answered. If the database hangs, the
/// process ends without them, and up to a minute of last uses is lost.
const FLUSH_MAX: Duration = Duration::from_secs(4);

/// How long the flush waits for the worker threads, which end shortly after the server.
const WORKERS_MAX: Duration = Duration::from_secs(1);

/// Flushes on a thread, which is abandoned if the database hangs. Blocks for at most 4 seconds.
pub(in crate::server) fn flush(auth: web::Data<Auth>) -> io::Result<()> {
    let (running, finished) = mpsc::channel::<()>();
    thread::Builder::new().name("flush".into()).spawn(move || {
        auth.flush();
        let auth = auth.into_inner();
        wait_for_workers(&auth);
        drop(auth);
        drop(running);
    })?;
    if let Err(RecvTimeoutError::Timeout) = finished.recv_timeout(FLUSH_MAX) {
        log::warn!("the database does not answer; the last uses of sessions were not written");
    }
    Ok(())
}

/// Waits until no worker thread holds the database any more. The last connection that closes
/// removes SQLite's write-ahead log, so that the data is in one file.
fn wait_for_workers(auth: &Arc<Auth>) {
    let until = Instant::now() + WORKERS_MAX;
    while Arc::strong_count(auth) > 1 && Instant::now() < until {
        thread::sleep(Duration::from_millis(2));
    }
}
