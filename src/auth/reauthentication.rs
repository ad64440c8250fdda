//! Somebody who is logged in gives the password again, before the account changes.

use super::events::Attempt;
use super::hasher::Place;
use super::password_check::{Checked, PasswordCheck};
use super::throttle::{reauthentications, refuse_waiting};
use super::{After, Auth, AuthError, Before, Paused, Taken, Verification};
use crate::db::{Charge, DbError, Limited, Reauthenticated, Settlement};
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
    /// How often the account may be changed; counted with the change, so that only right
    /// passwords count.
    limit: Vec<Charge>,
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
        self.check.check(auth)?;
        refuse_waiting(auth, &self.limit(auth))
    }

    fn limit(&self, auth: &Auth) -> Vec<Charge> {
        reauthentications(&auth.settings.throttle, &self.owner.email.key())
    }

    pub(super) fn begin(
        self,
        auth: &Auth,
        place: Place,
    ) -> Result<(Place, Verification, Owner), AuthError> {
        let limit = self.limit(auth);
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
                    limit,
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
            limit: &self.limit,
        }
    }

    /// What the right password settles among the counts of guesses.
    pub(super) fn settlement(&self, auth: &Auth) -> Settlement {
        self.checked.guess.right(auth, &self.checked.taken)
    }

    /// What became of the change. Where nothing was written, nothing was settled either.
    pub(super) fn written(
        &self,
        written: Result<Result<(), Limited>, DbError>,
    ) -> Result<(), AuthError> {
        let error = match written {
            Ok(Ok(())) => return Ok(()),
            Ok(Err(limited)) => limited.into(),
            Err(DbError::NoResultFound) => AuthError::Changed,
            Err(
                error @ (DbError::InvalidRequest(_)
                | DbError::AlreadyExists(_)
                | DbError::Unavailable(_)
                | DbError::Failed(_)),
            ) => error.into(),
        };
        self.checked.taken.release();
        Err(error)
    }
}
