use super::events::{Attempt, Event};
use super::hasher::Place;
use super::password_check::{Checked, PasswordCheck};
use super::{
    After, Auth, AuthError, Before, EmailVerification, Paused, Taken, Verification, Verified,
};
use crate::db::{DbError, NewSession};
use crate::domain::{Client, DeviceId, EmailKey, Password, SessionId, User};

/// A login, before it has begun.
#[derive(Debug)]
pub struct Login(PasswordCheck);

/// The rest of a login: open a session.
#[derive(Debug)]
pub struct LogIn(Checked);

/// What a login ends with.
#[derive(Debug)]
pub struct LoggedIn {
    /// For the client; it is shown here and never again.
    pub session_id: SessionId,
    /// For the client too: what it shows at later logins. None where guesses are not counted.
    pub device: Option<DeviceId>,
    /// Who logged in.
    pub user: User,
}

impl Login {
    /// Describes a login.
    #[must_use]
    pub fn new(email: impl Into<EmailKey>, password: Password, client: Client) -> Self {
        Self(PasswordCheck::new(email, password, client))
    }
}

impl Auth {
    /// Logs a user in as far as the hash. Blocks for a few look-ups and one write. In the end
    /// there is a new session, and the oldest one beyond the number that a user may have has
    /// ended.
    ///
    /// # Errors
    /// [`AuthError::InvalidCredentials`] comes after the hash, for an unknown account too, and
    /// [`AuthError::Changed`] where the stored password is another one by then, and
    /// [`AuthError::EmailNotVerified`] where that is asked for and was not done.
    /// [`AuthError::Overloaded`] comes at once, before anything is read, and
    /// [`AuthError::Throttled`] before anything is hashed, whatever the password is.
    pub fn begin_login(
        &self,
        email: impl Into<EmailKey>,
        password: &Password,
        client: Client,
    ) -> Result<Paused<LogIn>, AuthError> {
        self.begin(Login::new(email, password.clone(), client))
    }
}

impl Before for Login {
    type After = LogIn;

    fn client(&self) -> &Client {
        self.0.client()
    }

    fn attempt(&self) -> Attempt {
        self.0.attempt()
    }

    fn recognise(&mut self, auth: &Auth) -> Result<Option<EmailKey>, AuthError> {
        self.0.recognise(auth)
    }

    fn check(&self, auth: &Auth) -> Result<(), AuthError> {
        self.0.check(auth)
    }

    fn begin(self, auth: &Auth, place: Place) -> Result<Paused<LogIn>, AuthError> {
        let Paused { place, work, after } = self.0.begin(auth, place)?;
        let after = LogIn(after);
        Ok(Paused { place, work, after })
    }
}

impl After for LogIn {
    type Work = Verification;
    type Output = LoggedIn;

    fn taken(&self) -> Taken {
        self.0.taken()
    }

    fn after(self, auth: &Auth, verified: Verified) -> Result<LoggedIn, AuthError> {
        let who = self.0.who();
        let logged_in = self.open_session(auth, verified);
        match &logged_in {
            Ok((logged_in, ended)) => {
                let user = logged_in.user.id;
                Event::LoggedIn {
                    user,
                    session: &logged_in.session_id.digest(),
                }
                .log(&who.client);
                Event::sessions_replaced(user, *ended, &who.client);
            }
            Err(cause) => who.failed(cause),
        }
        logged_in.map(|(logged_in, _)| logged_in)
    }
}

impl LogIn {
    /// The login, and how many older sessions it ended.
    fn open_session(self, auth: &Auth, verified: Verified) -> Result<(LoggedIn, usize), AuthError> {
        let Checked { user, guess, taken } = self.0;
        let Some(user) = user.filter(|_| verified.right) else {
            return Err(AuthError::InvalidCredentials);
        };
        let required = auth.settings.email_verification == EmailVerification::Required;
        if required && auth.db.email_verified_at(user.id)?.is_none() {
            let settlement = guess.right(auth, &taken);
            return Err(auth.ask_to_verify(&user, &settlement, &taken));
        }
        let session_id = SessionId::generate();
        let new = NewSession {
            user_id: user.id,
            digest: &session_id.digest(),
            client: guess.client(),
        };
        let (settlement, device) = guess.settlement(auth, &taken);
        let ended = match auth
            .db
            .add_session(&new, Some(&user.hashed_password), &settlement)
        {
            Ok(ended) => ended,
            // Not "invalid credentials": where a login of the same user has just renewed the
            // stored hash, the password is as right as before.
            Err(error) => {
                taken.release();
                return Err(match error {
                    DbError::NoResultFound => AuthError::Changed,
                    DbError::InvalidRequest(_)
                    | DbError::AlreadyExists(_)
                    | DbError::Unavailable(_)
                    | DbError::Failed(_) => error.into(),
                });
            }
        };
        if verified.outdated {
            auth.renew(user.clone(), verified.password);
        }
        let logged_in = LoggedIn {
            session_id,
            device,
            user,
        };
        Ok((logged_in, ended))
    }
}
