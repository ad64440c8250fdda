//! Somebody who is logged in gives the password again, before the account changes.

use super::events::Attempt;
use super::hasher::Place;
use super::password_check::{Checked, PasswordCheck};
use super::{After, Auth, AuthError, Before, Paused, Taken, Verification};
use crate::db::{DbError, Reauthenticated, Settlement};
use crate::domain::{Client, EmailKey, Password, SessionDigest, SessionId, SessionUser, User};

/// The password that an owner gives again, before it is checked.
#[derive(Debug)]
pub(super) struct Reauthentication {
    check: PasswordCheck,
    owner: SessionUser,
    session: SessionDigest,
}

/// Who has given it, and what it was checked against.
#[derive(Debug)]
pub(super) struct Owner {
    checked: Checked,
    pub(super) user: User,
    session: SessionDigest,
}

impl Reauthentication {
    pub(super) fn new(
        owner: SessionUser,
        session_id: &SessionId,
        password: Password,
        client: Client,
    ) -> Self {
        Self {
            check: PasswordCheck::new(owner.email.key(), password, client),
            owner,
            session: session_id.digest(),
        }
    }

    pub(super) fn owner(&self) -> &SessionUser {
        &self.owner
    }

    pub(super) fn client(&self) -> &Client {
        self.check.client()
    }

    pub(super) fn attempt(&self) -> Attempt {
        Attempt::reauthentication(self.owner.id, self.client())
    }

    pub(super) fn recognise(&mut self, auth: &Auth) -> Result<Option<EmailKey>, AuthError> {
        self.check.recognise(auth)
    }

    pub(super) fn check(&self, auth: &Auth) -> Result<(), AuthError> {
        self.check.check(auth)
    }

    pub(super) fn begin(
        self,
        auth: &Auth,
        place: Place,
    ) -> Result<(Place, Verification, Owner), AuthError> {
        let Self {
            check,
            owner,
            session,
        } = self;
        let Paused { place, work, after } = check.begin(auth, place)?;
        match &after.user {
            Some(user) if user.id == owner.id => {
                let user = user.clone();
                let owner = Owner {
                    checked: after,
                    user,
                    session,
                };
                Ok((place, work, owner))
            }
            Some(_) | None => {
                auth.give_back(after.taken());
                Err(AuthError::Changed)
            }
        }
    }
}

impl Owner {
    pub(super) fn taken(&self) -> Taken {
        self.checked.taken()
    }

    pub(super) fn client(&self) -> &Client {
        self.checked.guess.client()
    }

    /// What must still be so when the change is written.
    pub(super) fn who(&self) -> Reauthenticated<'_> {
        Reauthenticated {
            user_id: self.user.id,
            checked: &self.user.hashed_password,
            session: &self.session,
        }
    }

    /// What the right password settles among the counts of guesses.
    pub(super) fn settlement(&self, auth: &Auth) -> Settlement {
        self.checked.guess.right(auth, &self.checked.taken)
    }

    /// Why nothing was written, and so nothing settled.
    pub(super) fn not_written(&self, error: DbError) -> AuthError {
        self.checked.taken.release();
        match error {
            DbError::NoResultFound => AuthError::Changed,
            DbError::InvalidRequest(_)
            | DbError::AlreadyExists(_)
            | DbError::Unavailable(_)
            | DbError::Failed(_) => error.into(),
        }
    }
}
