//! Forgotten passwords: a token that the owner of an address gets, and what it is good for.

use std::time::Duration;

use super::events::{Attempt, Event};
use super::hasher::Place;
use super::outgoing::Outgoing;
use super::throttle::{Networks, marks, refuse_waiting, reset_requests, take};
use super::{After, Auth, AuthError, Before, HashError, Hashing, Notice, Paused, Taken};
use crate::db::{BudgetedMail, Charge, ClaimedMail, DB, DbError, NewPassword};
use crate::domain::{
    Client, Email, EmailKey, HashedPassword, Password, ResetToken, ResetTokenDigest, User, UserId,
};

/// How long a reset token is valid, unless an operator gives it another lifetime.
pub const RESET_TOKEN_LIFETIME: Duration = Duration::from_secs(30 * 60);

/// A new password that somebody sets with a token, before that has begun.
#[derive(Debug)]
pub struct NewPasswordByToken {
    /// The account that the client names. The token alone finds the account; if the client
    /// names another one, the token is refused.
    email: Option<EmailKey>,
    /// None for a text that is no token: it is counted as a wrong one.
    token: Option<ResetToken>,
    password: Password,
    client: Client,
    /// The account whose token it is, once that was looked up.
    account: Option<EmailKey>,
}

/// A request for a mail with a token that no limit refuses.
#[derive(Debug)]
pub struct ResetRequest {
    email: EmailKey,
    client: Client,
    limits: Vec<Charge>,
}

/// The rest of it: spend the token.
#[derive(Debug)]
pub struct PasswordReset {
    user: User,
    token: ResetTokenDigest,
    client: Client,
}

impl NewPasswordByToken {
    /// Describes it; with an email, for the account with that email and no other.
    #[must_use]
    pub fn new(
        email: Option<EmailKey>,
        token: Option<ResetToken>,
        password: Password,
        client: Client,
    ) -> Self {
        Self {
            email,
            token,
            password,
            client,
            account: None,
        }
    }

    /// The guesses of a client at tokens are counted with those at passwords.
    fn networks(&self) -> Networks<'_> {
        Networks(&self.client)
    }
}

impl Auth {
    /// Makes a token with which a user can set a new password within half an hour. It replaces
    /// an older one, and cannot be read again. Blocks for one look-up and one write.
    ///
    /// # Errors
    /// [`AuthError::NoResultFound`] if no user has that email.
    pub fn get_reset_password_token(
        &self,
        email: impl Into<EmailKey>,
    ) -> Result<ResetToken, AuthError> {
        self.create_reset_token(email, RESET_TOKEN_LIFETIME)
    }

    /// The same with a lifetime of the caller's choice.
    ///
    /// # Errors
    /// As [`Auth::get_reset_password_token`].
    pub fn create_reset_token(
        &self,
        email: impl Into<EmailKey>,
        lifetime: Duration,
    ) -> Result<ResetToken, AuthError> {
        let user = self.db.find_user_by(email.into())?;
        let token = make_token(&self.db, user.id, lifetime, None)?;
        Event::ResetTokenCreated { user: user.id }.log(&Client::default());
        Ok(token)
    }

    /// Sets a new password with a token, which is spent by it. All sessions of the user end,
    /// and nobody is logged in. Blocks for two look-ups, one hash and one write.
    ///
    /// # Errors
    /// [`AuthError::InvalidResetToken`] for one that is wrong, spent or expired, and
    /// [`AuthError::PasswordRefused`] for a password that this service does not take; then
    /// the token stays good.
    pub fn update_password(
        &self,
        reset_token: &ResetToken,
        new_password: &Password,
    ) -> Result<User, AuthError> {
        let (token, password) = (Some(*reset_token), new_password.clone());
        let case = NewPasswordByToken::new(None, token, password, Client::default());
        self.begin(case)?.run(self)
    }

    /// Has a mail with a token sent to whoever has that email, unless enough were sent of
    /// late; who asks cannot tell what came of it. Blocks for one write, the same for an
    /// address without an account.
    ///
    /// # Errors
    /// [`AuthError::Throttled`] if too many such requests come from the client's network, and
    /// whatever ails the database.
    pub fn request_reset(&self, email: &Email, client: &Client) -> Result<(), AuthError> {
        self.queue_reset(&self.check_reset(email, client)?)
    }

    /// The part of [`Auth::request_reset`] that only reads: what is over a limit is refused
    /// here, before a write. Blocks for a look-up or a few.
    ///
    /// # Errors
    /// As [`Auth::request_reset`].
    pub fn check_reset(&self, email: &Email, client: &Client) -> Result<ResetRequest, AuthError> {
        let email = email.key();
        let limits = reset_requests(self, &email, client).and_then(|limits| {
            refuse_waiting(self, &limits)?;
            Ok(limits)
        });
        let limits = limits.inspect_err(|cause| {
            Event::PasswordChangeFailed { user: None, cause }.log(client);
        })?;
        Ok(ResetRequest {
            email,
            client: client.clone(),
            limits,
        })
    }

    /// The rest of [`Auth::request_reset`]. Blocks for one write.
    ///
    /// # Errors
    /// As [`Auth::request_reset`].
    pub fn queue_reset(&self, request: &ResetRequest) -> Result<(), AuthError> {
        let ResetRequest {
            email,
            client,
            limits,
        } = request;
        let mail = Outgoing::PasswordReset.within_budget(&self.settings.throttle, email);
        let asked = match self.db.queue_mail_for(email, &mail, limits, &marks(client)) {
            Ok(Ok(asked)) => Ok(asked),
            Ok(Err(limited)) => Err(limited.into()),
            Err(error) => Err(error.into()),
        };
        match &asked {
            Ok(queued) => {
                self.wake_mails();
                Event::ResetRequested {
                    user: queued.flatten(),
                    queued: queued.is_some(),
                }
                .log(client);
            }
            Err(cause) => Event::PasswordChangeFailed { user: None, cause }.log(client),
        }
        asked.map(|_| ())
    }

    /// What an owner is told of a new password, whoever has set it.
    pub(super) fn password_changed(&self, to: &Email) -> Option<BudgetedMail> {
        let told = self.settings.notices.tell(Notice::PasswordChanged);
        told.then(|| Outgoing::PasswordChanged.within_budget(&self.settings.throttle, &to.key()))
    }

    fn find_owner(&self, case: &NewPasswordByToken) -> Result<(User, ResetTokenDigest), AuthError> {
        let Some(token) = case.token.as_ref().map(ResetToken::digest) else {
            return Err(AuthError::InvalidResetToken);
        };
        let user = self.db.find_reset_token(&token).map_err(invalid)?;
        match &case.email {
            Some(email) if user.email.key() != *email => Err(AuthError::InvalidResetToken),
            Some(_) | None => Ok((user, token)),
        }
    }
}

/// Makes a token, for that mail if it goes by mail, and stores its digest.
pub(super) fn make_token(
    db: &DB,
    user_id: UserId,
    lifetime: Duration,
    mail: Option<&ClaimedMail>,
) -> Result<ResetToken, DbError> {
    let token = ResetToken::generate();
    db.set_reset_token(user_id, &token.digest(), lifetime, mail)?;
    Ok(token)
}

fn invalid(error: DbError) -> AuthError {
    match error {
        DbError::NoResultFound => AuthError::InvalidResetToken,
        DbError::InvalidRequest(_)
        | DbError::AlreadyExists(_)
        | DbError::Unavailable(_)
        | DbError::Failed(_) => error.into(),
    }
}

impl Before for NewPasswordByToken {
    type After = PasswordReset;

    fn client(&self) -> &Client {
        &self.client
    }

    fn attempt(&self) -> Attempt {
        Attempt::reset(&self.client)
    }

    /// A client with the right token is known to its account.
    fn recognise(&mut self, auth: &Auth) -> Result<Option<EmailKey>, AuthError> {
        self.account = match auth.find_owner(self) {
            Ok((user, _)) => Some(user.email.key()),
            Err(AuthError::InvalidResetToken) => None,
            Err(error) => return Err(error),
        };
        Ok(self.account.clone())
    }

    fn check(&self, auth: &Auth) -> Result<(), AuthError> {
        // Neighbours behind the same address cannot use up what a right token needs.
        if self.account.is_some() {
            return Ok(());
        }
        refuse_waiting(auth, &self.networks().charges(&auth.settings.throttle))
    }

    /// The token is looked at before anything is hashed, and spent after it.
    fn begin(self, auth: &Auth, place: Place) -> Result<Paused<PasswordReset>, AuthError> {
        let (user, digest) = auth.find_owner(&self).map_err(|error| {
            // Only a wrong token is a guess.
            if !matches!(error, AuthError::InvalidResetToken) {
                return error;
            }
            let limits = self.networks().charges(&auth.settings.throttle);
            take(auth, &limits).err().unwrap_or(error)
        })?;
        auth.settings.accept(&self.password, &user.email)?;
        let work = Hashing::new(self.password, auth.settings.bcrypt_cost)?;
        Ok(Paused {
            place,
            work,
            after: PasswordReset {
                user,
                token: digest,
                client: self.client,
            },
        })
    }
}

impl After for PasswordReset {
    type Work = Hashing;
    type Output = User;

    /// A right token is not counted.
    fn taken(&self) -> Taken {
        Taken::default()
    }

    fn after(
        self,
        auth: &Auth,
        hashed: Result<HashedPassword, HashError>,
    ) -> Result<User, AuthError> {
        let user = self.user.id;
        let client = self.client.clone();
        let changed = self.spend(auth, hashed);
        match &changed {
            Ok(_) => Event::PasswordChanged {
                user,
                session: None,
            }
            .log(&client),
            Err(cause) => Event::PasswordChangeFailed {
                user: Some(user),
                cause,
            }
            .log(&client),
        }
        changed
    }
}

impl PasswordReset {
    fn spend(
        self,
        auth: &Auth,
        hashed: Result<HashedPassword, HashError>,
    ) -> Result<User, AuthError> {
        let hashed = hashed?;
        let new = NewPassword {
            token: &self.token,
            hashed_password: &hashed,
            notice: auth.password_changed(&self.user.email),
        };
        let spent = auth.db.spend_reset_token(self.user.id, &new);
        spent.map_err(invalid)?;
        auth.wake_mails();
        Ok(User {
            hashed_password: hashed,
            session_id: None,
            reset_token: None,
            ..self.user
        })
    }
}
