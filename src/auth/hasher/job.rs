use tokio::sync::oneshot;

use super::Place;
use crate::bcrypt_lanes::{Digest, Input, bcrypt};

/// Something that takes one bcrypt or several, one after the other, to find out.
pub(in crate::auth) trait Work: Sized + Send + 'static {
    /// What comes of it.
    type Done: Send + 'static;

    /// How many rounds of bcrypt it takes at the most.
    fn rounds(&self) -> u64;

    /// What is to be computed first.
    fn begin(self) -> Step<Self>;

    /// What is to be computed next, after this.
    fn proceed(self, digest: &Digest) -> Step<Self>;
}

/// How a piece of work goes on.
#[derive(Debug)]
pub(in crate::auth) enum Step<W: Work> {
    /// With a bcrypt, of which it is told the outcome.
    Compute(Input, W),
    /// Not at all: this comes of it.
    Done(W::Done),
}

/// Does it all on this thread; blocks.
pub(in crate::auth) fn compute<W: Work>(work: W) -> W::Done {
    let mut step = work.begin();
    loop {
        match step {
            Step::Done(done) => return done,
            Step::Compute(input, work) => {
                let [digest] = bcrypt(&[input]);
                step = work.proceed(&digest);
            }
        }
    }
}

/// Work of any kind that waits or is under way, and who is to be told. Dropping it tells
/// them that nothing comes of it.
pub(super) trait Job: Send {
    fn is_awaited(&self) -> bool;

    /// What is to be computed first; none if it is done.
    fn begin(self: Box<Self>) -> Option<(Input, Box<dyn Job>)>;

    /// What is to be computed next; none if it is done.
    fn proceed(self: Box<Self>, digest: &Digest) -> Option<(Input, Box<dyn Job>)>;
}

pub(super) struct Awaited<W: Work> {
    work: W,
    sender: oneshot::Sender<W::Done>,
}

impl<W: Work> Awaited<W> {
    pub(super) fn new(work: W, sender: oneshot::Sender<W::Done>) -> Self {
        Self { work, sender }
    }

    fn after(step: Step<W>, sender: oneshot::Sender<W::Done>) -> Option<(Input, Box<dyn Job>)> {
        match step {
            Step::Compute(input, work) => Some((input, Box::new(Self { work, sender }))),
            Step::Done(done) => {
                // Whoever has gone away in this moment does not miss it.
                drop(sender.send(done));
                None
            }
        }
    }
}

impl<W: Work> Job for Awaited<W> {
    fn is_awaited(&self) -> bool {
        !self.sender.is_closed()
    }

    fn begin(self: Box<Self>) -> Option<(Input, Box<dyn Job>)> {
        Self::after(self.work.begin(), self.sender)
    }

    fn proceed(self: Box<Self>, digest: &Digest) -> Option<(Input, Box<dyn Job>)> {
        Self::after(self.work.proceed(digest), self.sender)
    }
}

/// Work that keeps its place by itself, as nobody waits for it.
pub(super) struct Unattended<W: Work<Done = ()>> {
    work: W,
    place: Place,
}

impl<W: Work<Done = ()>> Unattended<W> {
    pub(super) fn new(work: W, place: Place) -> Self {
        Self { work, place }
    }

    fn after(step: Step<W>, place: Place) -> Option<(Input, Box<dyn Job>)> {
        match step {
            Step::Compute(input, work) => Some((input, Box::new(Self { work, place }))),
            Step::Done(()) => None,
        }
    }
}

impl<W: Work<Done = ()>> Job for Unattended<W> {
    fn is_awaited(&self) -> bool {
        true
    }

    fn begin(self: Box<Self>) -> Option<(Input, Box<dyn Job>)> {
        Self::after(self.work.begin(), self.place)
    }

    fn proceed(self: Box<Self>, digest: &Digest) -> Option<(Input, Box<dyn Job>)> {
        Self::after(self.work.proceed(digest), self.place)
    }
}
