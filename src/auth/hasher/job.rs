//! What a hashing thread computes: a job of one bcrypt or several, step by step.

use tokio::sync::oneshot;

use super::HashPermit;
use crate::bcrypt_lanes::{Digest, Input, bcrypt};

/// Something that takes one bcrypt or several, one after the other, to find out.
pub(in crate::auth) trait BcryptJob: Sized + Send + 'static {
    /// What comes of it.
    type Done: Send + 'static;

    /// How many rounds of bcrypt it takes at the most.
    fn rounds(&self) -> u64;

    /// What is to be computed first.
    fn begin(self) -> JobStep<Self>;

    /// What is to be computed next, after this.
    fn proceed(self, digest: &Digest) -> JobStep<Self>;
}

/// How a piece of work goes on.
#[derive(Debug)]
pub(in crate::auth) enum JobStep<W: BcryptJob> {
    /// With a bcrypt, of which it is told the outcome.
    Compute(Input, W),
    /// Not at all: this comes of it.
    Done(W::Done),
}

/// Does it all on this thread; blocks.
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

/// A job of any kind that waits or is under way, and who is to be told. Dropping it tells
/// them that nothing comes of it.
pub(super) trait QueuedJob: Send {
    fn is_awaited(&self) -> bool;

    /// What is to be computed first; none if it is done.
    fn begin(self: Box<Self>) -> Option<(Input, Box<dyn QueuedJob>)>;

    /// What is to be computed next; none if it is done.
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
                // Whoever has gone away in this moment does not miss it.
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

/// A job that keeps its permit by itself, since no client awaits it.
pub(super) struct DetachedJob<W: BcryptJob<Done = ()>> {
    work: W,
    place: HashPermit,
}

impl<W: BcryptJob<Done = ()>> DetachedJob<W> {
    pub(super) fn new(work: W, place: HashPermit) -> Self {
        Self { work, place }
    }

    fn after(step: JobStep<W>, place: HashPermit) -> Option<(Input, Box<dyn QueuedJob>)> {
        match step {
            JobStep::Compute(input, work) => Some((input, Box::new(Self { work, place }))),
            JobStep::Done(()) => None,
        }
    }
}

impl<W: BcryptJob<Done = ()>> QueuedJob for DetachedJob<W> {
    fn is_awaited(&self) -> bool {
        true
    }

    fn begin(self: Box<Self>) -> Option<(Input, Box<dyn QueuedJob>)> {
        Self::after(self.work.begin(), self.place)
    }

    fn proceed(self: Box<Self>, digest: &Digest) -> Option<(Input, Box<dyn QueuedJob>)> {
        Self::after(self.work.proceed(digest), self.place)
    }
}
