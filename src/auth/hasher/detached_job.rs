//! A hash job whose result no client awaits.

use super::job::{BcryptJob, JobStep, QueuedJob};
use super::queue::HashPermit;
use crate::bcrypt_lanes::{Digest, Input};

/// A job that holds its own permit, because no client awaits it.
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
