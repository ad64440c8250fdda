//! The one way to authenticate by password. Guesses are counted here, so that no route
//! can leave it out.

use super::events::{Attempt, Event};
use super::hasher::Place;
use super::renewal::Renewal;
use super::throttle::Guess;
use super::{After, Auth, AuthError, Before, Paused, Taken, Verification, Verified};
use crate::domain::{Client, EmailKey, Password, User, UserId};

/// A password that is to be checked against an account's, before that has begun. In the end
/// there is the user whose password it is, and nothing else has happened: what the owner of a
/// session has to pass before a change of the account.
#[derive(Debug)]
pub struct PasswordCheck {
    guess: Guess,
    password: Password,
}

/// The rest of a check: whose password it is.
#[derive(Debug)]
pub struct Checked {
    pub(super) user: Option<User>,
    pub(super) guess: Guess,
    pub(super) taken: Taken,
}

impl PasswordCheck {
    /// Describes a check.
    #[must_use]
    pub fn new(email: impl Into<EmailKey>, password: Password, client: Client) -> Self {
        Self {
            guess: Guess::new(email.into(), client),
            password,
        }
    }
}

impl Auth {
    /// Whether that is the password of that account; no in any other case, such as an
    /// unknown email or a stored password that is no bcrypt hash. Blocks for a few look-ups,
    /// one hash, which takes as long for an unknown account as for a known one, and a write.
    ///
    /// # Errors
    /// Only if the database fails, the hash would have to wait too long, or the account was
    /// guessed at too often; that is not a wrong password.
    pub fn valid_login(
        &self,
        email: impl Into<EmailKey>,
        password: &Password,
    ) -> Result<bool, AuthError> {
        let check = PasswordCheck::new(email, password.clone(), Client::default());
        match self.begin(check).and_then(|paused| paused.run(self)) {
            Ok(_) => Ok(true),
            Err(AuthError::InvalidCredentials) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Puts a hash of the current kind in the place of an outdated one, in the background:
    /// the login does not wait for it, and the next one tries again if it fails.
    pub(super) fn renew(&self, user: User, password: Password) {
        let cost = self.settings.bcrypt_cost;
        let renewal = Renewal::new(user, password, cost, self.housekeeping.messages());
        match (self.place(), renewal) {
            (Ok(place), Ok(renewal)) => place.submit_unattended(renewal),
            (Err(error), _) => log::debug!("a stored password is not renewed: {error}"),
            (_, Err(error)) => log::warn!("a stored password is not renewed: {error}"),
        }
    }
}

impl Before for PasswordCheck {
    type After = Checked;

    fn client(&self) -> &Client {
        self.guess.client()
    }

    fn attempt(&self) -> Attempt {
        Attempt::login(self.client())
    }

    fn recognise(&mut self, auth: &Auth) -> Result<Option<EmailKey>, AuthError> {
        self.guess.recognise(auth)?;
        Ok(self.guess.keeps_place())
    }

    fn check(&self, auth: &Auth) -> Result<(), AuthError> {
        self.guess.check(auth)
    }

    fn begin(self, auth: &Auth, place: Place) -> Result<Paused<Checked>, AuthError> {
        let Self { guess, password } = self;
        let taken = guess.take(auth)?;
        let user = match guess.user(auth) {
            Ok(user) => user,
            Err(error) => {
                auth.give_back(taken);
                return Err(error.into());
            }
        };
        let stored = user.as_ref().map(|user| &user.hashed_password);
        let cost = auth.settings.bcrypt_cost;
        Ok(Paused {
            place,
            work: Verification::new(password, stored, cost),
            after: Checked { user, guess, taken },
        })
    }
}

impl After for Checked {
    type Work = Verification;
    type Output = User;

    fn taken(&self) -> Taken {
        self.taken.clone()
    }

    fn after(self, auth: &Auth, verified: Verified) -> Result<User, AuthError> {
        let who = self.who();
        let checked = self.settle(auth, verified);
        checked.inspect_err(|cause| who.failed(cause))
    }
}

/// Whose password is checked, and who says so.
#[derive(Debug)]
pub(super) struct Who {
    user: Option<UserId>,
    pub(super) client: Client,
    /// Whether this is the last guess of those whom the account does not know.
    locks: bool,
    /// Whether no password can be right: the stored hash is of an unknown kind.
    has_unknown_hash: bool,
}

impl Who {
    /// Writes down that it was not the password, or could not be checked.
    pub(super) fn failed(&self, cause: &AuthError) {
        let user = self.user;
        match user.filter(|_| self.has_unknown_hash) {
            Some(user) if matches!(cause, AuthError::InvalidCredentials) => {
                Event::UnknownHash { user }.log(&self.client);
            }
            Some(_) | None => Event::LoginFailed { user, cause }.log(&self.client),
        }
        if self.locks && matches!(cause, AuthError::InvalidCredentials) {
            Event::LoginLocked { user }.log(&self.client);
        }
    }
}

impl Checked {
    /// Whose password it would be, and who says so.
    pub(super) fn who(&self) -> Who {
        let stored = self.user.as_ref().map(|user| &user.hashed_password);
        Who {
            has_unknown_hash: stored.is_some_and(|hash| hash.unknown_kind().is_some()),
            user: self.user.as_ref().map(|user| user.id),
            client: self.guess.client().clone(),
            locks: !self.guess.is_known() && self.taken.is_last(),
        }
    }

    fn settle(self, auth: &Auth, verified: Verified) -> Result<User, AuthError> {
        let Some(user) = self.user.filter(|_| verified.right) else {
            return Err(AuthError::InvalidCredentials);
        };
        let settlement = self.guess.right(auth, &self.taken);
        if !settlement.is_empty()
            && let Err(error) = auth.db.settle_guess(user.id, &settlement)
        {
            self.taken.release();
            return Err(error.into());
        }
        if verified.outdated {
            auth.renew(user.clone(), verified.password);
        }
        Ok(user)
    }
}
