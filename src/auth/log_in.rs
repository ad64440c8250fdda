use super::hasher::Place;
use super::renewal::Renewal;
use super::{After, Auth, AuthError, Paused, Verification, Verified};
use crate::db::{DbError, NewSession};
use crate::domain::{Client, EmailKey, Password, SessionId, User};

/// The rest of a login: open a session.
#[derive(Debug)]
pub struct LogIn {
    user: Option<User>,
    client: Client,
}

/// What a login ends with.
#[derive(Debug)]
pub struct LoggedIn {
    /// For the client; it is shown here and never again.
    pub session_id: SessionId,
    /// Who logged in.
    pub user: User,
}

/// The rest of the document's `valid_login`: nothing but the answer.
#[derive(Debug)]
pub struct ValidLogin {
    user: Option<User>,
}

impl Auth {
    /// Whether that is the password of that account; no in any other case, such as an
    /// unknown email or a stored password that is no bcrypt hash. Blocks for one look-up
    /// and one hash, which takes as long for an unknown account as for a known one.
    ///
    /// # Errors
    /// Only if the database fails or the hash would have to wait too long; that is not a
    /// wrong password.
    pub fn valid_login(
        &self,
        email: impl Into<EmailKey>,
        password: &Password,
    ) -> Result<bool, AuthError> {
        let (place, user, work) = self.verification(email.into(), password)?;
        let after = ValidLogin { user };
        Paused { place, work, after }.run(self)
    }

    /// Logs a user in as far as the hash. Blocks for one look-up. In the end there is a new
    /// session, and the oldest one beyond the number that a user may have has ended.
    ///
    /// # Errors
    /// [`AuthError::InvalidCredentials`] comes after the hash, for an unknown account too, and
    /// [`AuthError::Changed`] where the stored password is another one by then.
    /// [`AuthError::Overloaded`] comes at once, before anything is read.
    pub fn begin_login(
        &self,
        email: impl Into<EmailKey>,
        password: &Password,
        client: Client,
    ) -> Result<Paused<LogIn>, AuthError> {
        let (place, user, work) = self.verification(email.into(), password)?;
        let after = LogIn { user, client };
        Ok(Paused { place, work, after })
    }

    /// The one way to authenticate by password: what to check, and whom it would be.
    pub(super) fn verification(
        &self,
        email: EmailKey,
        password: &Password,
    ) -> Result<(Place, Option<User>, Verification), AuthError> {
        let place = self.place()?;
        let user = match self.db.find_user_by(email) {
            Ok(user) => Some(user),
            Err(DbError::NoResultFound) => None,
            Err(error) => return Err(error.into()),
        };
        let stored = user.as_ref().map(|user| &user.hashed_password);
        let cost = self.settings.bcrypt_cost;
        let work = Verification::new(password.clone(), stored, cost);
        Ok((place, user, work))
    }

    /// Puts a hash of the current kind in the place of an outdated one, in the background:
    /// the login does not wait for it, and the next one tries again if it fails.
    fn renew(&self, user: User, password: Password) {
        let cost = self.settings.bcrypt_cost;
        let renewal = Renewal::new(user, password, cost, self.housekeeping.messages());
        match (self.place(), renewal) {
            (Ok(place), Ok(renewal)) => place.submit_unattended(renewal),
            (Err(error), _) => log::debug!("a stored password is not renewed: {error}"),
            (_, Err(error)) => log::warn!("a stored password is not renewed: {error}"),
        }
    }
}

impl After for ValidLogin {
    type Work = Verification;
    type Output = bool;

    fn after(self, auth: &Auth, verified: Verified) -> Result<bool, AuthError> {
        if let Some(user) = self.user.filter(|_| verified.outdated) {
            auth.renew(user, verified.password);
        }
        Ok(verified.right)
    }
}

impl After for LogIn {
    type Work = Verification;
    type Output = LoggedIn;

    fn after(self, auth: &Auth, verified: Verified) -> Result<LoggedIn, AuthError> {
        let Some(user) = self.user.filter(|_| verified.right) else {
            return Err(AuthError::InvalidCredentials);
        };
        let session_id = SessionId::generate();
        let new = NewSession {
            user_id: user.id,
            digest: &session_id.digest(),
            client: &self.client,
        };
        match auth.db.add_session(&new, Some(&user.hashed_password)) {
            Ok(()) => {}
            // Not "invalid credentials": where a login of the same user has just renewed the
            // stored hash, the password is as right as before.
            Err(DbError::NoResultFound) => return Err(AuthError::Changed),
            Err(error) => return Err(error.into()),
        }
        if verified.outdated {
            auth.renew(user.clone(), verified.password);
        }
        Ok(LoggedIn { session_id, user })
    }
}
