//! Tokens from mails about addresses: they verify an address, change it, or restore a former one.

use std::time::Duration;

use super::audit::Event;
use super::throttle::LoginAttempt;
use super::{Auth, AuthError, EmailVerification, Notification};
use crate::db::{ActiveEmailToken, DbError, EmailChange, TakeBack};
use crate::domain::{
    Client, Email, EmailRevertToken, EmailRevertTokenDigest, EmailToken, EmailTokenAction,
    EmailTokenDigest, SessionDigest, SessionId, User, UserId,
};
use crate::mail::MailKind;

/// The lifetime of a token that verifies or changes an address.
pub(super) const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a change of address or of second factors can be undone: three days, so that a weekend is covered.
pub(super) const UNDO_LIFETIME: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// A token from a mail about an address. Only the database knows which kind it is.
#[derive(Debug, Clone, Copy)]
pub struct EmailLinkToken {
    email: EmailToken,
    undo: EmailRevertToken,
}

/// A user and the address that a token has verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedEmail {
    /// The user.
    pub user: UserId,
    /// The address that the account has now.
    pub email: Email,
    /// The effect of the token.
    pub outcome: EmailOutcome,
}

/// The effect of a token that was mailed to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EmailOutcome {
    /// The address of the account is verified.
    Verified,
    /// The account has the address that was asked for.
    Changed,
    /// The account has its former address again.
    Restored,
    /// A change of second factors was undone, and the password and all sessions ended.
    TakenBack,
}

impl EmailLinkToken {
    /// Parses a token as it is in the mail; none for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self {
            email: EmailToken::parse(text).ok()?,
            undo: EmailRevertToken::parse(text).ok()?,
        })
    }
}

impl Auth {
    /// Spends a token: it verifies the account's address, changes it to the requested one, or
    /// restores a former one. A new address ends the account's sessions except `session`, the one
    /// of the request. Blocks for one or two lookups and one write.
    ///
    /// # Errors
    /// [`AuthError::InvalidEmailToken`] if the token is wrong, spent or expired, or if another
    /// account has the address meanwhile.
    pub fn verify_email(
        &self,
        token: Option<&EmailLinkToken>,
        session: Option<&SessionId>,
        client: &Client,
    ) -> Result<VerifiedEmail, AuthError> {
        let done = match token {
            Some(token) => self.spend(token, session.map(SessionId::digest), client),
            None => Err(AuthError::InvalidEmailToken),
        };
        self.log_verified(done, client)
    }

    /// Spends a token that undoes a change of the address or of the second factors. Blocks for one
    /// or two lookups and one write.
    ///
    /// # Errors
    /// [`AuthError::InvalidEmailToken`] if the token is wrong, spent or expired, or if another
    /// account has the address meanwhile.
    pub fn take_account_back(
        &self,
        token: Option<&EmailLinkToken>,
        client: &Client,
    ) -> Result<VerifiedEmail, AuthError> {
        let done = match token {
            Some(token) => self.undo(&token.undo.digest(), client).map_err(invalid),
            None => Err(AuthError::InvalidEmailToken),
        };
        self.log_verified(done, client)
    }

    fn log_verified(
        &self,
        done: Result<(Event<'static>, VerifiedEmail), AuthError>,
        client: &Client,
    ) -> Result<VerifiedEmail, AuthError> {
        match &done {
            Ok((event, _)) => event.log(&self.audit, client),
            Err(cause) => Event::email_token_refused(cause).log(&self.audit, client),
        }
        done.map(|(_, verified)| verified)
    }

    /// Refuses a login where the settings require a verified address and the user has none. Queues
    /// another verification mail, as far as the budget of the address allows. Blocks for a lookup,
    /// and for a write if the login is refused.
    pub(super) fn require_verified(
        &self,
        user: &User,
        attempt: &LoginAttempt,
    ) -> Result<(), AuthError> {
        let required = self.settings.accounts.email_verification == EmailVerification::Required;
        if !required || self.db.email_verified_at(user.id)?.is_some() {
            return Ok(());
        }
        let throttle = &self.settings.throttle;
        let mail = MailKind::VerifyEmail.within_budget(throttle, &user.email.key());
        let asked = self
            .db
            .ask_again(user.id, &attempt.claim_side_effects(self), &mail);
        asked.inspect_err(|_| attempt.reservation.release())?;
        self.wake_mails();
        Err(AuthError::EmailNotVerified)
    }

    fn spend(
        &self,
        token: &EmailLinkToken,
        session: Option<SessionDigest>,
        client: &Client,
    ) -> Result<(Event<'static>, VerifiedEmail), AuthError> {
        let digest = token.email.digest();
        match self.db.find_email_token(&digest) {
            Ok(found) => match found.action {
                EmailTokenAction::Verify => self.confirm(&digest, found),
                EmailTokenAction::Change => self.change(&digest, found, session),
            }
            .map_err(invalid),
            Err(DbError::NoResultFound) => self.undo(&token.undo.digest(), client).map_err(invalid),
            Err(error) => Err(invalid(error)),
        }
    }

    fn confirm(
        &self,
        token: &EmailTokenDigest,
        found: ActiveEmailToken,
    ) -> Result<(Event<'static>, VerifiedEmail), DbError> {
        self.db.verify_email(token, &found)?;
        let user = found.user.id;
        let email = found.user.email;
        Ok((
            Event::email_verified(user),
            VerifiedEmail {
                user,
                email,
                outcome: EmailOutcome::Verified,
            },
        ))
    }

    fn change(
        &self,
        token: &EmailTokenDigest,
        found: ActiveEmailToken,
        session: Option<SessionDigest>,
    ) -> Result<(Event<'static>, VerifiedEmail), DbError> {
        let mail = MailKind::EmailChanged {
            to: found.user.email.clone(),
            new: found.email.clone(),
        };
        let told = self.settings.accounts.tells(Notification::EmailChanged);
        let notice = told.then(|| (mail.row(), UNDO_LIFETIME));
        self.db
            .change_email(token, &found, &EmailChange { notice, session })?;
        self.wake_mails();
        let (user, email) = (found.user.id, found.email);
        Ok((
            Event::email_changed(user),
            VerifiedEmail {
                user,
                email,
                outcome: EmailOutcome::Changed,
            },
        ))
    }

    /// Undoes a change of the address or of the second factors.
    fn undo(
        &self,
        token: &EmailRevertTokenDigest,
        client: &Client,
    ) -> Result<(Event<'static>, VerifiedEmail), DbError> {
        match self.db.find_previous_email(token) {
            Ok(found) => {
                let revert = |how: &TakeBack<'_>| self.db.revert_email(&found, how);
                self.take_back(&found.user, &found.email, client, revert)?;
                let event = Event::email_taken_back(found.user.id);
                Ok((event, restored(found.user.id, found.email)))
            }
            Err(DbError::NoResultFound) => {
                let found = self.db.find_factor_undo(token)?;
                let undo = |how: &TakeBack<'_>| self.db.undo_factor_change(token, &found, how);
                self.take_back(&found.user, &found.email, client, undo)?;
                let (user, outcome) = (found.user.id, EmailOutcome::TakenBack);
                let event = Event::second_factor_undone(user);
                let verified = VerifiedEmail {
                    outcome,
                    ..restored(user, found.email)
                };
                Ok((event, verified))
            }
            Err(error) => Err(error),
        }
    }

    /// Takes an account back for an address. The client that made the change knew the password, so
    /// the password is removed, and the owner gets a reset mail. The address that loses the account
    /// is notified, because the account may have been handed over to that person.
    fn take_back(
        &self,
        user: &User,
        email: &Email,
        client: &Client,
        write: impl FnOnce(&TakeBack<'_>) -> Result<(), DbError>,
    ) -> Result<(), DbError> {
        let lost = &user.email;
        let key = lost.key();
        let notice = MailKind::EmailTakenBack {
            to: lost.clone(),
            new: email.clone(),
        };
        let notice =
            (key != email.key()).then(|| notice.within_budget(&self.settings.throttle, &key));
        write(&TakeBack {
            client,
            reset: &MailKind::PasswordReset.row(),
            notice: notice.as_ref(),
        })?;
        self.wake_mails();
        Ok(())
    }
}

fn restored(user: UserId, email: Email) -> VerifiedEmail {
    VerifiedEmail {
        user,
        email,
        outcome: EmailOutcome::Restored,
    }
}

fn invalid(error: DbError) -> AuthError {
    match error {
        DbError::NoResultFound | DbError::AlreadyExists(_) => AuthError::InvalidEmailToken,
        DbError::InvalidRequest(_) | DbError::Unavailable(_) | DbError::Failed(_) => error.into(),
    }
}
