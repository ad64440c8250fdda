use super::{After, Auth, AuthError, HashError, Hashing, Paused, Replacement};
use crate::db::{DbError, NewSession, Reauthenticated};
use crate::domain::{Client, HashedPassword, Password, SessionDigest, SessionId, User};

/// The rest of a change of password: store it, end all sessions, open a new one.
#[derive(Debug)]
pub struct PasswordChange {
    user: User,
    session: SessionDigest,
    client: Client,
}

/// What a change of password ends with.
#[derive(Debug)]
pub struct PasswordChanged {
    /// The one session that is left, a new one.
    pub session_id: SessionId,
    /// Whose password it is.
    pub user: User,
}

impl Auth {
    /// Changes the password of whoever is logged in, as far as the hashes. Blocks for two
    /// look-ups.
    ///
    /// # Errors
    /// [`AuthError::NotLoggedIn`], [`AuthError::PasswordRefused`] and
    /// [`AuthError::Overloaded`] come before the hashes, [`AuthError::InvalidCredentials`]
    /// after them, and [`AuthError::Changed`] where the stored password is another one, or
    /// the session has ended, by then.
    pub fn begin_password_change(
        &self,
        session_id: &SessionId,
        current: &Password,
        new: &Password,
        client: Client,
    ) -> Result<Paused<PasswordChange>, AuthError> {
        let owner = self.logged_in(session_id)?;
        self.settings.accept(new)?;
        let (place, user, verification) = self.reauthentication(&owner, current, &client)?;
        let hashing = Hashing::new(new.clone(), self.settings.bcrypt_cost)?;
        Ok(Paused {
            place,
            work: Replacement::new(verification, hashing),
            after: PasswordChange {
                user,
                session: session_id.digest(),
                client,
            },
        })
    }
}

impl After for PasswordChange {
    type Work = Replacement;
    type Output = PasswordChanged;

    fn after(
        self,
        auth: &Auth,
        hashed: Option<Result<HashedPassword, HashError>>,
    ) -> Result<PasswordChanged, AuthError> {
        let hashed = hashed.ok_or(AuthError::InvalidCredentials)??;
        let who = Reauthenticated {
            user_id: self.user.id,
            checked: &self.user.hashed_password,
            session: &self.session,
        };
        let session_id = SessionId::generate();
        let new = NewSession {
            user_id: self.user.id,
            digest: &session_id.digest(),
            client: &self.client,
        };
        match auth.db.replace_password(&who, &hashed, &new) {
            Ok(()) => Ok(PasswordChanged {
                session_id,
                user: self.user,
            }),
            Err(DbError::NoResultFound) => Err(AuthError::Changed),
            Err(error) => Err(error.into()),
        }
    }
}
