//! Flushes the access log once per pass of a worker's event loop.

use std::cell::Cell;
use std::rc::Rc;

use actix_web::rt;

/// Flushes the access log for one worker.
#[derive(Clone, Default)]
pub(crate) struct LogFlush {
    is_scheduled: Rc<Cell<bool>>,
}

impl LogFlush {
    /// Schedules a flush after the connections that are ready now have been served, so that one
    /// `write` covers all their lines.
    pub(crate) fn schedule(&self) {
        if !self.is_scheduled.replace(true) {
            let flush = self.clone();
            rt::spawn(async move {
                flush.is_scheduled.set(false);
                log::logger().flush();
            });
        }
    }
}
