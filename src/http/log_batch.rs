//! The access lines of one pass of a worker's event loop are written together.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use actix_web::rt;

/// The answers of one worker that wait until their lines are written.
#[derive(Clone, Default)]
pub(super) struct LogBatch(Rc<Batch>);

#[derive(Default)]
struct Batch {
    written: Cell<u64>,
    waiting: RefCell<Vec<Waker>>,
}

impl LogBatch {
    /// Waits until the lines logged so far are written: when the connections that are ready
    /// now have been served, by one write for all of them.
    pub(super) async fn written(&self) {
        let Self(batch) = self;
        let before = batch.written.get();
        poll_fn(|context| {
            if batch.written.get() != before {
                return Poll::Ready(());
            }
            let mut waiting = batch.waiting.borrow_mut();
            if waiting.is_empty() {
                rt::spawn(write(self.clone()));
            }
            waiting.push(context.waker().clone());
            Poll::Pending
        })
        .await;
    }
}

async fn write(LogBatch(batch): LogBatch) {
    log::logger().flush();
    batch.written.update(|written| written.wrapping_add(1));
    let waiting = batch.waiting.take();
    waiting.into_iter().for_each(Waker::wake);
}
