//! Hash jobs: one or several bcrypt computations in a row, which lead to one result.

use tokio::sync::oneshot;

use crate::bcrypt_lanes::{Digest, Input, bcrypt};

/// A result that takes one or several bcrypt computations, one after the other.
pub(in crate::auth) trait BcryptJob: Sized + Send + 'static {
    /// The result.
    type Done: Send + 'static;

    /// The largest number of bcrypt rounds that the job can take.
    fn rounds(&self) -> u64;

    /// The first step.
    fn begin(self) -> JobStep<Self>;

    /// The step after a computation, by its digest.
    fn proceed(self, digest: &Digest) -> JobStep<Self>;
}

/// The next step of a job.
#[derive(Debug)]
pub(in crate::auth) enum JobStep<W: BcryptJob> {
    /// Compute this bcrypt, then call [`BcryptJob::proceed`] with its digest.
    Compute(Input, W),
    /// The job has ended with this result.
    Done(W::Done),
}

/// Runs a whole job on this thread. Blocks.
pub(in crate::auth) fn compute<W: BcryptJob>(work: W) -> W::Done {
    let mut step = work.begin();
    loop {
        match step {
            JobStep::Done(done) => return done,
            JobStep::Compute(input, work) => {
                let [digest] = bcrypt(&[input]);
                step = work.proceed(&digest);
            }
        }
    }
}

/// A job of any kind, waiting or running, with the channel for its result. Dropping it closes
/// the channel, which the receiver sees as a failure.
pub(super) trait QueuedJob: Send {
    fn is_awaited(&self) -> bool;

    /// The first computation; none if the job has ended.
    fn begin(self: Box<Self>) -> Option<(Input, Box<dyn QueuedJob>)>;

    /// The next computation; none if the job has ended.
    fn proceed(self: Box<Self>, digest: &Digest) -> Option<(Input, Box<dyn QueuedJob>)>;
}

pub(super) struct AwaitedJob<W: BcryptJob> {
    work: W,
    sender: oneshot::Sender<W::Done>,
}

impl<W: BcryptJob> AwaitedJob<W> {
    pub(super) fn new(work: W, sender: oneshot::Sender<W::Done>) -> Self {
        Self { work, sender }
    }

    fn after(
        step: JobStep<W>,
        sender: oneshot::Sender<W::Done>,
    ) -> Option<(Input, Box<dyn QueuedJob>)> {
        match step {
            JobStep::Compute(input, work) => Some((input, Box::new(Self { work, sender }))),
            JobStep::Done(done) => {
                // Fails only if the receiver was dropped meanwhile, which needs no result.
                drop(sender.send(done));
                None
            }
        }
    }
}

impl<W: BcryptJob> QueuedJob for AwaitedJob<W> {
    fn is_awaited(&self) -> bool {
        !self.sender.is_closed()
    }

    fn begin(self: Box<Self>) -> Option<(Input, Box<dyn QueuedJob>)> {
        Self::after(self.work.begin(), self.sender)
    }

    fn proceed(self: Box<Self>, digest: &Digest) -> Option<(Input, Box<dyn QueuedJob>)> {
        Self::after(self.work.proceed(digest), self.sender)
    }
}
