use super::events::{Attempt, Event};
use super::hasher::Place;
use super::reauthentication::{Owner, Reauthentication};
use super::throttle::marks;
use super::{After, Auth, AuthError, Before, HashError, Hashing, Paused, Replacement, Taken};
use crate::db::{NewSession, Replaced};
use crate::domain::{Client, EmailKey, HashedPassword, Password, SessionId, SessionUser, User};

/// A change of the password by somebody who is logged in, before it has begun.
#[derive(Debug)]
pub struct ChangePassword {
    owner: Reauthentication,
    new: Password,
}

/// The rest of a change of password: store it, end all sessions, open a new one.
#[derive(Debug)]
pub struct PasswordChange(Owner);

/// What a change of password ends with.
#[derive(Debug)]
pub struct PasswordChanged {
    /// The one session that is left, a new one.
    pub session_id: SessionId,
    /// Whose password it is.
    pub user: User,
}

impl ChangePassword {
    /// Describes a change of the password of whose session that is.
    ///
    /// It ends in [`AuthError::PasswordRefused`] before anything is checked, in
    /// [`AuthError::InvalidCredentials`] for another current password, and in
    /// [`AuthError::Changed`] where the stored one is another, or the session has ended, by
    /// the time the new one is written.
    #[must_use]
    pub fn new(
        owner: SessionUser,
        session_id: &SessionId,
        current: Password,
        new: Password,
        client: Client,
    ) -> Self {
        Self {
            owner: Reauthentication::new(owner, session_id, current, client),
            new,
        }
    }
}

impl Before for ChangePassword {
    type After = PasswordChange;

    fn client(&self) -> &Client {
        self.owner.client()
    }

    fn attempt(&self) -> Attempt {
        self.owner.attempt()
    }

    fn admit(&self, auth: &Auth) -> Result<(), AuthError> {
        let email = &self.owner.owner().email;
        Ok(auth.settings.accept(&self.new, email)?)
    }

    fn recognise(&mut self, auth: &Auth) -> Result<Option<EmailKey>, AuthError> {
        self.owner.recognise(auth)
    }

    fn check(&self, auth: &Auth) -> Result<(), AuthError> {
        self.owner.check(auth)
    }

    fn begin(self, auth: &Auth, place: Place) -> Result<Paused<PasswordChange>, AuthError> {
        let hashing = Hashing::new(self.new, auth.settings.bcrypt_cost)?;
        let (place, verification, owner) = self.owner.begin(auth, place)?;
        Ok(Paused {
            place,
            work: Replacement::new(verification, hashing),
            after: PasswordChange(owner),
        })
    }
}

impl After for PasswordChange {
    type Work = Replacement;
    type Output = PasswordChanged;

    fn taken(&self) -> Taken {
        self.0.taken()
    }

    fn after(
        self,
        auth: &Auth,
        hashed: Option<Result<HashedPassword, HashError>>,
    ) -> Result<PasswordChanged, AuthError> {
        let (user, client) = (self.0.user.id, self.0.client().clone());
        let changed = self.store(auth, hashed);
        match &changed {
            Ok(PasswordChanged { session_id, .. }) => Event::PasswordChanged {
                user,
                session: Some(&session_id.digest()),
            }
            .log(&client),
            Err(cause) => Event::ReauthenticationFailed { user, cause }.log(&client),
        }
        changed
    }
}

impl PasswordChange {
    fn store(
        self,
        auth: &Auth,
        hashed: Option<Result<HashedPassword, HashError>>,
    ) -> Result<PasswordChanged, AuthError> {
        let Self(owner) = self;
        let hashed = hashed.ok_or(AuthError::InvalidCredentials)??;
        let session_id = SessionId::generate();
        let new = NewSession {
            user_id: owner.user.id,
            digest: &session_id.digest(),
            client: owner.client(),
        };
        let replaced = Replaced {
            hashed_password: &hashed,
            session: &new,
            settlement: &owner.settlement(auth),
            client_marks: &marks(owner.client()),
            notice: auth.password_changed(&owner.user.email),
        };
        let stored = auth.db.replace_password(&owner.who(), &replaced);
        owner.written(stored)?;
        auth.wake_mails();
        Ok(PasswordChanged {
            session_id,
            user: owner.user,
        })
    }
}
