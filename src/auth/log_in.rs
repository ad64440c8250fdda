use super::{After, Auth, AuthError, Hashing, Paused, Verification, Verified, Work};
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
    /// Only if the database fails or too many logins wait; that is not a wrong password.
    pub fn valid_login(
        &self,
        email: impl Into<EmailKey>,
        password: &Password,
    ) -> Result<bool, AuthError> {
        let (user, work) = self.verification(email.into(), password)?;
        let after = ValidLogin { user };
        Paused { work, after }.run(self)
    }

    /// Logs a user in as far as the hash. Blocks for one look-up. In the end there is a new
    /// session, and the oldest one beyond the number that a user may have has ended.
    ///
    /// # Errors
    /// [`AuthError::InvalidCredentials`] comes after the hash, for an unknown account too, and
    /// [`AuthError::Changed`] where the stored password is another one by then.
    pub fn begin_login(
        &self,
        email: impl Into<EmailKey>,
        password: &Password,
        client: Client,
    ) -> Result<Paused<LogIn>, AuthError> {
        let (user, work) = self.verification(email.into(), password)?;
        let after = LogIn { user, client };
        Ok(Paused { work, after })
    }

    /// The one way to authenticate by password: what to check, and whom it would be.
    fn verification(
        &self,
        email: EmailKey,
        password: &Password,
    ) -> Result<(Option<User>, Verification), AuthError> {
        let user = match self.db.find_user_by(email) {
            Ok(user) => Some(user),
            Err(DbError::NoResultFound) => None,
            Err(error) => return Err(error.into()),
        };
        let work = Verification {
            password: password.clone(),
            stored: user.as_ref().map(|user| user.hashed_password.clone()),
            cost: self.settings.bcrypt_cost,
        };
        Ok((user, work))
    }

    /// Puts a hash of the current kind in the place of an outdated one, in the background:
    /// the login does not wait for it, and the next one tries again if it fails.
    fn renew(&self, user: &User, password: Password) {
        let (db, user) = (self.db.clone(), user.clone());
        let cost = self.settings.bcrypt_cost;
        let queued = self.hasher.submit_unattended(move || {
            let hashing = Hashing { password, cost };
            let outcome = hashing.run().map_err(AuthError::from).and_then(|new| {
                Ok(db.renew_hashed_password(user.id, &user.hashed_password, &new)?)
            });
            match outcome {
                Ok(true) => log::info!("renewed the stored password of user {}", user.id),
                Ok(false) => {}
                Err(error) => log::warn!(
                    "the stored password of user {} is not renewed: {error}",
                    user.id
                ),
            }
        });
        if !queued {
            log::debug!("no place in the queue for renewing a stored password");
        }
    }
}

impl After for ValidLogin {
    type Work = Verification;
    type Output = bool;

    fn after(self, auth: &Auth, verified: Verified) -> Result<bool, AuthError> {
        if let Some(user) = self.user.filter(|_| verified.outdated) {
            auth.renew(&user, verified.password);
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
            auth.renew(&user, verified.password);
        }
        Ok(LoggedIn { session_id, user })
    }
}
