use super::hasher::Place;
use super::{After, Auth, AuthError, Paused, Verification, Verified};
use crate::db::{DbError, Reauthenticated};
use crate::domain::{Client, Password, SessionDigest, SessionId, User};

/// The rest of a deletion.
#[derive(Debug)]
pub struct AccountDeletion {
    user: User,
    session: SessionDigest,
}

impl Auth {
    /// Deletes the account of whoever is logged in, as far as the hash. Blocks for two
    /// look-ups.
    ///
    /// # Errors
    /// [`AuthError::NotLoggedIn`] and [`AuthError::Overloaded`] come before the hash,
    /// [`AuthError::InvalidCredentials`] after it, and [`AuthError::Changed`] where the stored
    /// password is another one, or the session has ended, by then.
    pub fn begin_account_deletion(
        &self,
        session_id: &SessionId,
        current: &Password,
        client: &Client,
    ) -> Result<Paused<AccountDeletion>, AuthError> {
        let owner = self.logged_in(session_id)?;
        let (place, user, work) = self.reauthentication(&owner, current, client)?;
        let session = session_id.digest();
        let after = AccountDeletion { user, session };
        Ok(Paused { place, work, after })
    }

    /// Authenticates somebody again who is logged in, over the one way to do so.
    pub(super) fn reauthentication(
        &self,
        owner: &User,
        password: &Password,
        _client: &Client,
    ) -> Result<(Place, User, Verification), AuthError> {
        match self.verification(owner.email.key(), password)? {
            (place, Some(user), work) if user.id == owner.id => Ok((place, user, work)),
            (_, Some(_) | None, _) => Err(AuthError::Changed),
        }
    }
}

impl After for AccountDeletion {
    type Work = Verification;
    type Output = ();

    fn after(self, auth: &Auth, verified: Verified) -> Result<(), AuthError> {
        if !verified.right {
            return Err(AuthError::InvalidCredentials);
        }
        let who = Reauthenticated {
            user_id: self.user.id,
            checked: &self.user.hashed_password,
            session: &self.session,
        };
        match auth.db.delete_account(&who) {
            Ok(()) => Ok(()),
            Err(DbError::NoResultFound) => Err(AuthError::Changed),
            Err(error) => Err(error.into()),
        }
    }
}
