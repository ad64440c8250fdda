use super::hasher::{Applicant, Place, Receipt, Work};
use super::{Attempt, Auth, AuthError, Taken};
use crate::domain::{Client, ClientAddress, EmailKey};

/// A use case that hashes, before it has begun. [`Auth::begin`] takes the steps one after the
/// other; an event loop takes them by itself, since they block for different things.
pub trait Before: Send + Sized + 'static {
    /// The rest, once there is a hash.
    type After: After;

    /// Who asks for it.
    fn client(&self) -> &Client;

    /// What it is, for the log.
    fn attempt(&self) -> Attempt;

    /// Refuses what needs no look to be refused. Never blocks.
    ///
    /// # Errors
    /// The refusal.
    fn admit(&self, _: &Auth) -> Result<(), AuthError> {
        Ok(())
    }

    /// Finds out whether an account knows the client, and returns that account. Blocks for a
    /// look-up.
    ///
    /// # Errors
    /// Only if the database fails.
    fn recognise(&mut self, auth: &Auth) -> Result<Option<EmailKey>, AuthError>;

    /// Refuses, without a write, who would be refused anyway. Blocks for a look-up.
    ///
    /// # Errors
    /// The refusal.
    fn check(&self, auth: &Auth) -> Result<(), AuthError>;

    /// Goes as far as the hash. Blocks for a look-up, and for a write where guesses are
    /// counted.
    ///
    /// # Errors
    /// Whatever keeps the use case from its hash.
    fn begin(self, auth: &Auth, place: Place) -> Result<Paused<Self::After>, AuthError>;
}

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

    /// What was counted for it, to be given back with [`Auth::give_back`] if it cannot go on.
    fn taken(&self) -> Taken;

    /// Decides, and writes in one transaction that checks again what was read before the
    /// pause. Blocks for that write.
    ///
    /// # Errors
    /// Whatever keeps the use case from its end.
    fn after(self, auth: &Auth, done: Done<Self>) -> Result<Self::Output, AuthError>;
}

type Done<A> = <<A as After>::Work as Work>::Done;

impl Auth {
    /// Goes as far as the hash. Blocks for a few look-ups and a write.
    ///
    /// # Errors
    /// The use case's own, and [`AuthError::Overloaded`] before anything is read.
    pub fn begin<B: Before>(&self, case: B) -> Result<Paused<B::After>, AuthError> {
        let attempt = case.attempt();
        let begun = self.begin_case(case);
        begun.inspect_err(|cause| attempt.refused(cause))
    }

    fn begin_case<B: Before>(&self, mut case: B) -> Result<Paused<B::After>, AuthError> {
        case.admit(self)?;
        let place = match self.place_for(case.client(), None) {
            Ok(place) => {
                case.recognise(self)?;
                place
            }
            Err(error) => {
                if !self.keeps_places() {
                    return Err(error);
                }
                let Some(account) = case.recognise(self)? else {
                    return Err(error);
                };
                self.place_for(case.client(), Some(account))?
            }
        };
        case.check(self)?;
        case.begin(self, place)
    }

    /// A place for one hash of a client, with the account that knows it. Never blocks;
    /// what hashes takes one before it does anything else, so that nothing is done for who
    /// would wait too long.
    ///
    /// # Errors
    /// [`AuthError::Overloaded`] if there is none.
    pub fn place_for(
        &self,
        client: &Client,
        account: Option<EmailKey>,
    ) -> Result<Place, AuthError> {
        let network = client.address().map(ClientAddress::network);
        self.hasher.place(
            self.rounds(),
            match account {
                _ if !self.settings.throttle.on => Applicant::Anybody,
                Some(account) => Applicant::Known { network, account },
                None => Applicant::Stranger(network),
            },
        )
    }

    /// Whether there may be a place for a known client where there was none for a stranger.
    #[must_use]
    pub fn keeps_places(&self) -> bool {
        self.settings.throttle.on && self.hasher.keeps_places()
    }

    /// Whether guesses are counted, so that what hashes writes before it does.
    #[must_use]
    pub fn throttles(&self) -> bool {
        self.settings.throttle.on
    }

    /// Gives back, in the background, what was counted for a use case that could not go on.
    pub fn give_back(&self, taken: Taken) {
        if self.settings.throttle.on {
            self.housekeeping.give_back(taken);
        }
    }
}

impl<A: After> Paused<A> {
    /// Goes on to the end on this thread, which must not be one of a runtime.
    ///
    /// # Errors
    /// The use case's own.
    pub fn run(self, auth: &Auth) -> Result<A::Output, AuthError> {
        let taken = self.after.taken();
        let (receipt, after) = self.start();
        let outcome = match receipt.block() {
            Ok(done) => after.after(auth, done),
            Err(error) => Err(error.into()),
        };
        if outcome.as_ref().is_err_and(AuthError::gives_back) {
            auth.give_back(taken);
        }
        outcome
    }

    /// What was counted for it.
    #[must_use]
    pub fn taken(&self) -> Taken {
        self.after.taken()
    }

    /// Queues the hash, for which there is a place. [`Receipt::wait`] gives what
    /// [`After::after`] asks for.
    pub fn start(self) -> (Receipt<Done<A>>, A) {
        (self.place.submit(self.work), self.after)
    }
}
