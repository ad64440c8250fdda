//! Hash jobs: async blocks that compute one or several bcrypts in one lane, and lead to one
//! result. A hashing thread polls them.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use bcrypt_lanes::{Digest, Input};

/// The lane in which a job computes.
#[derive(Clone, Default)]
pub(in crate::auth) struct Lane(Arc<Mutex<Exchange>>);

/// What a job and its thread pass to each other, in boxes: a move out of this memory would leave a
/// copy of the password in it.
#[derive(Default)]
struct Exchange {
    /// From the job: the next computation.
    input: Option<Box<Input>>,
    /// From the thread: the result of the last computation.
    digest: Option<Box<Digest>>,
}

impl Lane {
    /// Computes a bcrypt. A job may await nothing else.
    pub(in crate::auth) fn compute(&self, input: Input) -> impl Future<Output = Box<Digest>> {
        // Not in the future, whose memory is not zeroed.
        self.lock().input = Some(Box::new(input));
        poll_fn(|_| self.lock().digest.take().map_or(Poll::Pending, Poll::Ready))
    }

    /// Nothing panics while it holds the lock, so a poisoned state is still consistent.
    fn lock(&self) -> MutexGuard<'_, Exchange> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job that waits or runs.
pub(in crate::auth) struct Job {
    work: Pin<Box<dyn Future<Output = ()> + Send>>,
    lane: Lane,
    permit: Weak<()>,
}

impl Job {
    /// `permit` is the token of the permit without which the job is cancelled.
    pub(in crate::auth) fn new<F: Future<Output = ()> + Send + 'static>(
        permit: &Arc<()>,
        work: impl FnOnce(Lane) -> F,
    ) -> Self {
        let lane = Lane::default();
        Self {
            work: Box::pin(work(lane.clone())),
            lane,
            permit: Arc::downgrade(permit),
        }
    }

    /// Whether its permit is still held.
    pub(in crate::auth) fn is_awaited(&self) -> bool {
        self.permit.strong_count() > 0
    }

    /// Runs the job up to its next computation, with the digest of the last one. None if the job
    /// has ended.
    pub(in crate::auth) fn advance(mut self, digest: Option<Digest>) -> Option<(Box<Input>, Self)> {
        self.lane.lock().digest = digest.map(Box::new);
        let mut context = Context::from_waker(Waker::noop());
        if self.work.as_mut().poll(&mut context).is_ready() {
            return None;
        }
        let input = self.lane.lock().input.take()?;
        Some((input, self))
    }
}
