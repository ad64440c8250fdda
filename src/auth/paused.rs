use super::hasher::{Place, Receipt, Work};
use super::{Auth, AuthError};

/// A use case that has come as far as its hash. [`Paused::run`] goes on by blocking;
/// [`Paused::start`] lets an event loop wait instead.
#[derive(Debug)]
#[must_use = "a use case that is paused has not done anything yet"]
pub struct Paused<A: After> {
    pub(super) place: Place,
    pub(super) work: A::Work,
    pub(super) after: A,
}

/// The rest of a use case, once the hash is there.
pub trait After: Send + 'static {
    /// What is computed in the pause.
    type Work: Work;
    /// What the use case ends with.
    type Output: Send + 'static;

    /// Decides, and writes in one transaction that checks again what was read before the
    /// pause. Blocks for that write.
    ///
    /// # Errors
    /// Whatever keeps the use case from its end.
    fn after(self, auth: &Auth, done: Done<Self>) -> Result<Self::Output, AuthError>;
}

type Done<A> = <<A as After>::Work as Work>::Done;

impl<A: After> Paused<A> {
    /// Goes on to the end on this thread, which must not be one of a runtime.
    ///
    /// # Errors
    /// The use case's own.
    pub fn run(self, auth: &Auth) -> Result<A::Output, AuthError> {
        let (receipt, after) = self.start();
        let done = receipt.block()?;
        after.after(auth, done)
    }

    /// Queues the hash, for which there is a place. [`Receipt::wait`] gives what
    /// [`After::after`] asks for.
    pub fn start(self) -> (Receipt<Done<A>>, A) {
        (self.place.submit(self.work), self.after)
    }
}
