//! The access lines of one pass of a worker's event loop are written together.

use std::cell::Cell;
use std::rc::Rc;

use actix_web::rt;

/// Writes the access lines of one worker.
#[derive(Clone, Default)]
pub(crate) struct LogFlush {
    is_scheduled: Rc<Cell<bool>>,
}

impl LogFlush {
    /// Has the lines logged so far written when the connections that are ready now have been
    /// served, by one `write` for all of them.
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
