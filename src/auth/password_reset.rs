//! Password resets: requesting a token by mail, and setting a new password with it.

use std::time::Duration;

use super::audit::Event;
use super::executor::{Executor, Inline};
use super::second_factor::code_limit;
use super::throttle::{LOGIN_IP_LIMITS, marks, refuse_waiting, reserve, reset_requests};
use super::{Auth, AuthError, Notification};
use crate::db::{
    ClaimedMail, DB, DbError, LimitCheck, MailRequestOutcome, PasswordResetUpdate, RateLimitedMail,
};
use crate::domain::{
    Client, Email, HashedPassword, NormalizedEmail, Password, ResetToken, ResetTokenDigest, User,
    UserId,
};
use crate::mail::MailKind;

/// The lifetime of a reset token, unless an operator sets another one.
pub const RESET_TOKEN_LIFETIME: Duration = Duration::from_secs(30 * 60);

/// A request to set a new password with a token, before the token is looked up.
#[derive(Debug)]
struct TokenAttempt {
    /// The account that the client names. The account is found by the token alone; if the client
    /// names another one, the token is refused.
    email: Option<NormalizedEmail>,
    /// None for a text that is not a token. It counts as a wrong token.
    token: Option<ResetToken>,
    client: Client,
    /// The account of the token, once it was looked up.
    account: Option<NormalizedEmail>,
}

impl Auth {
    /// Creates a token with which a user can set a new password within 30 minutes. It replaces an
    /// older token, and cannot be read again. Blocks for one lookup and one write.
    ///
    /// # Errors
    /// [`AuthError::NoResultFound`] if no user has this email.
    pub fn get_reset_password_token(
        &self,
        email: impl Into<NormalizedEmail>,
    ) -> Result<ResetToken, AuthError> {
        self.create_reset_token(email, RESET_TOKEN_LIFETIME)
    }

    /// Creates a token with which a user can set a new password within `lifetime`, as
    /// [`Auth::get_reset_password_token`] does.
    ///
    /// # Errors
    /// As [`Auth::get_reset_password_token`].
    pub fn create_reset_token(
        &self,
        email: impl Into<NormalizedEmail>,
        lifetime: Duration,
    ) -> Result<ResetToken, AuthError> {
        let user = self.db.find_user_by(email.into())?;
        let token = make_token(&self.db, user.id, lifetime, None)?;
        Event::reset_token_created(user.id).log(&self.audit, &Client::default());
        Ok(token)
    }

    /// Sets a new password with a token, and spends the token. All sessions of the user end, and
    /// none is opened. Blocks for two lookups, one hash and one write.
    ///
    /// # Errors
    /// [`AuthError::InvalidResetToken`] if the token is wrong, spent or expired, and
    /// [`AuthError::PasswordPolicyError`] if the password violates the policy; then the token stays
    /// valid.
    pub fn update_password(
        &self,
        reset_token: &ResetToken,
        new_password: &Password,
    ) -> Result<User, AuthError> {
        let (token, password) = (Some(*reset_token), new_password.clone());
        let client = Client::default();
        pollster::block_on(self.reset_password(&Inline, None, token, password, &client))
    }

    /// Sets a new password with a token, as [`Auth::update_password`] does. If an email is given,
    /// the token must belong to that account. Wrong tokens count towards the limits of failed
    /// logins; right tokens are not counted.
    ///
    /// # Errors
    /// Those of [`Auth::update_password`], [`AuthError::RateLimited`] and [`AuthError::Overloaded`].
    pub async fn reset_password(
        &self,
        executor: &impl Executor,
        email: Option<NormalizedEmail>,
        token: Option<ResetToken>,
        password: Password,
        client: &Client,
    ) -> Result<User, AuthError> {
        let attempt = TokenAttempt {
            email,
            token,
            client: client.clone(),
            account: None,
        };
        let mut user = None;
        let reset = self.try_reset(executor, attempt, password, client, &mut user);
        let reset = reset.await;
        match &reset {
            Ok(changed) => Event::password_changed(changed.id, None).log(&self.audit, client),
            Err(cause) => Event::password_change_failed(user, cause).log(&self.audit, client),
        }
        reset
    }

    /// Looks the token up before the hash, and spends it after the hash.
    async fn try_reset(
        &self,
        executor: &impl Executor,
        attempt: TokenAttempt,
        password: Password,
        client: &Client,
        owner: &mut Option<UserId>,
    ) -> Result<User, AuthError> {
        let (recognize, check) = (TokenAttempt::recognize, TokenAttempt::check);
        let admitted = self.admit(executor, client, attempt, recognize, check);
        let (attempt, mut permit) = admitted.await?;
        let find = move |auth: &Self| attempt.find_or_count(auth);
        let (user, token) = self.run_count_step(executor, client, find).await?;
        self.settings.accept(&password, Some(&user.email))?;
        *owner = Some(user.id);
        let hashed = permit
            .hash(password, self.settings.passwords.bcrypt_cost)
            .await?;
        drop(permit);
        let spend = move |auth: &Self| auth.spend_token(user, &token, hashed);
        executor.write(self, client, spend).await
    }

    fn spend_token(
        &self,
        user: User,
        token: &ResetTokenDigest,
        hashed: HashedPassword,
    ) -> Result<User, AuthError> {
        let new = PasswordResetUpdate {
            token,
            hashed_password: &hashed,
            notice: self.password_changed(&user.email),
            code_limit: code_limit(&self.settings.throttle, &user.email.key()).pop(),
        };
        self.db.spend_reset_token(user.id, &new).map_err(invalid)?;
        self.wake_mails();
        Ok(User {
            hashed_password: hashed,
            session_id: None,
            reset_token: None,
            ..user
        })
    }

    /// Queues a reset mail for the user with this email, as far as the budget of the address
    /// allows. The result is the same for an unknown address, and so are the reads and the write.
    ///
    /// # Errors
    /// [`AuthError::RateLimited`] if too many such requests come from the client's network, and
    /// the errors of the database.
    pub async fn request_reset(
        &self,
        executor: &impl Executor,
        email: &Email,
        client: &Client,
    ) -> Result<(), AuthError> {
        let (email, owned) = (email.key(), client.clone());
        let check = {
            let (email, client) = (email.clone(), owned.clone());
            move |auth: &Self| {
                let limits = reset_requests(auth, &email, &client)?;
                refuse_waiting(auth, &limits)?;
                Ok(limits)
            }
        };
        let asked = match executor.read(self, client, check).await {
            Ok(limits) => {
                let queue = move |auth: &Self| auth.queue_reset(&email, &owned, &limits);
                executor.write(self, client, queue).await
            }
            Err(cause) => Err(cause),
        };
        let requested = asked.inspect_err(|cause| {
            Event::password_change_failed(None, cause).log(&self.audit, client);
        })?;
        self.wake_mails();
        requested.log(&self.audit, client);
        Ok(())
    }

    /// Queues a reset mail or a decoy, and returns the audit event. Blocks for a write.
    fn queue_reset(
        &self,
        email: &NormalizedEmail,
        client: &Client,
        limits: &[LimitCheck],
    ) -> Result<Event<'static>, AuthError> {
        let mail = MailKind::PasswordReset.within_budget(&self.settings.throttle, email);
        let asked = self
            .db
            .queue_mail_for(email, &mail, limits, &marks(client))?;
        let (user, reason) = match asked {
            MailRequestOutcome::Queued(user) => (Some(user), None),
            MailRequestOutcome::QueuedDecoy => (None, Some("unknown_account")),
            MailRequestOutcome::Disabled(user) => (Some(user), Some("account_disabled")),
            MailRequestOutcome::OverBudget => (None, Some("enough_sent")),
            MailRequestOutcome::Limited(limited) => return Err(limited.into()),
        };
        Ok(Event::reset_requested(user, reason))
    }

    /// The notification about a new password.
    pub(super) fn password_changed(&self, to: &Email) -> Option<RateLimitedMail> {
        let told = self.settings.accounts.tells(Notification::PasswordChanged);
        told.then(|| MailKind::PasswordChanged.within_budget(&self.settings.throttle, &to.key()))
    }
}

/// Creates a token and stores its digest. `mail` is the mail that will contain it, if any.
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
    AuthError::unless_missing(error, AuthError::InvalidResetToken)
}

impl TokenAttempt {
    /// A client with the right token counts as a known client of its account.
    fn recognize(&mut self, auth: &Auth) -> Result<Option<NormalizedEmail>, AuthError> {
        self.account = match self.find(auth) {
            Ok((user, _)) => Some(user.email.key()),
            Err(AuthError::InvalidResetToken) => None,
            Err(error) => return Err(error),
        };
        Ok(self.account.clone())
    }

    fn check(&self, auth: &Auth) -> Result<(), AuthError> {
        // Other clients behind the same address cannot block a right token.
        if self.account.is_some() {
            return Ok(());
        }
        refuse_waiting(auth, &self.limits(auth))
    }

    /// Finds the user of the token. Counts a wrong token.
    fn find_or_count(&self, auth: &Auth) -> Result<(User, ResetTokenDigest), AuthError> {
        self.find(auth).map_err(|error| {
            if !matches!(error, AuthError::InvalidResetToken) {
                return error;
            }
            reserve(auth, &self.limits(auth)).err().unwrap_or(error)
        })
    }

    fn find(&self, auth: &Auth) -> Result<(User, ResetTokenDigest), AuthError> {
        let Some(token) = self.token.as_ref().map(ResetToken::digest) else {
            return Err(AuthError::InvalidResetToken);
        };
        let user = auth.db.find_reset_token(&token).map_err(invalid)?;
        match &self.email {
            Some(email) if user.email.key() != *email => Err(AuthError::InvalidResetToken),
            Some(_) | None => Ok((user, token)),
        }
    }

    /// The limits of failed logins by network and subnet, towards which wrong tokens count too.
    fn limits(&self, auth: &Auth) -> Vec<LimitCheck> {
        LOGIN_IP_LIMITS.of(&self.client, &auth.settings.throttle)
    }
}
