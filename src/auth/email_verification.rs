//! What comes back from who reads the mail of an address: the proof of it, a new address for
//! an account, or an old one for an account that somebody else has got hold of.

use std::time::Duration;

use super::audit::Event;
use super::{Auth, AuthError, Notification, Reservation};
use crate::db::{DbError, EmailChange, FoundEmailToken, FoundFormerEmail, LoginSideEffects};
use crate::domain::{
    Client, Email, EmailAction, EmailToken, EmailTokenDigest, SessionDigest, SessionId, UndoToken,
    User, UserId,
};
use crate::mail::MailKind;

/// How long a token is good that proves an address.
pub(super) const LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);

/// How long a former address can be taken back: over a weekend without mail.
const UNDO_LIFETIME: Duration = Duration::from_secs(3 * 24 * 60 * 60);

/// A token out of a mail about an address. Which one it is only the database knows.
#[derive(Debug, Clone, Copy)]
pub struct MailedToken {
    email: EmailToken,
    undo: UndoToken,
}

/// Whose address is known now, and which.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedEmail {
    /// Whose.
    pub user: UserId,
    /// The address that the account has now.
    pub email: Email,
}

impl MailedToken {
    /// Takes a token as it stands in the mail; none for any other text.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self {
            email: EmailToken::parse(text).ok()?,
            undo: UndoToken::parse(text).ok()?,
        })
    }
}

impl Auth {
    /// Does what the token of a mail is good for: proves the address of an account, gives it
    /// the one that was asked for, or brings back the one that it had. A new address ends the
    /// account's sessions, but for `session`, in which the token came back. Blocks for a
    /// look-up or two, and for one write.
    ///
    /// # Errors
    /// [`AuthError::InvalidEmailToken`] for one that is wrong, spent or expired, or asks for an
    /// address that somebody else has by now.
    pub fn verify_email(
        &self,
        token: Option<&MailedToken>,
        session: Option<&SessionId>,
        client: &Client,
    ) -> Result<VerifiedEmail, AuthError> {
        let done = match token {
            Some(token) => self.spend(token, session.map(SessionId::digest)),
            None => Err(AuthError::InvalidEmailToken),
        };
        match &done {
            Ok((event, _)) => event.log(client),
            Err(cause) => Event::EmailTokenRefused { cause }.log(client),
        }
        done.map(|(_, verified)| verified)
    }

    /// Why somebody with the right password is not let in who has not proved the address:
    /// another mail goes there, unless one did of late.
    pub(super) fn ask_to_verify(
        &self,
        user: &User,
        settlement: &LoginSideEffects,
        taken: &Reservation,
    ) -> AuthError {
        let throttle = &self.settings.throttle;
        let mail = MailKind::VerifyEmail.within_budget(throttle, &user.email.key());
        match self.db.ask_again(user.id, settlement, &mail) {
            Ok(()) => {
                self.wake_mails();
                AuthError::EmailNotVerified
            }
            Err(error) => {
                taken.release();
                error.into()
            }
        }
    }

    fn spend(
        &self,
        token: &MailedToken,
        session: Option<SessionDigest>,
    ) -> Result<(Event<'static>, VerifiedEmail), AuthError> {
        let digest = token.email.digest();
        match self.db.find_email_token(&digest) {
            Ok(found) => match found.action {
                EmailAction::Verify => self.confirm(&digest, found),
                EmailAction::Change => self.change(&digest, found, session),
            }
            .map_err(invalid),
            Err(DbError::NoResultFound) => {
                let found = self.db.find_former_email(&token.undo.digest());
                found
                    .and_then(|found| self.take_back(found))
                    .map_err(invalid)
            }
            Err(error) => Err(invalid(error)),
        }
    }

    fn confirm(
        &self,
        token: &EmailTokenDigest,
        found: FoundEmailToken,
    ) -> Result<(Event<'static>, VerifiedEmail), DbError> {
        self.db.verify_email(token, &found)?;
        let user = found.user.id;
        let email = found.user.email;
        Ok((Event::EmailVerified { user }, VerifiedEmail { user, email }))
    }

    fn change(
        &self,
        token: &EmailTokenDigest,
        found: FoundEmailToken,
        session: Option<SessionDigest>,
    ) -> Result<(Event<'static>, VerifiedEmail), DbError> {
        let mail = MailKind::EmailChanged {
            to: found.user.email.clone(),
            new: found.email.clone(),
        };
        let told = self.settings.notices.tell(Notification::EmailChanged);
        let notice = told.then(|| (mail.row(), UNDO_LIFETIME));
        self.db
            .change_email(token, &found, &EmailChange { notice, session })?;
        self.wake_mails();
        let (user, email) = (found.user.id, found.email);
        Ok((Event::EmailChanged { user }, VerifiedEmail { user, email }))
    }

    /// Whoever has changed the address knew the password, so it is worth nothing from then on,
    /// and a mail goes to the old address with which its owner sets another. The address that
    /// loses the account is told: it may be of a person to whom the account was given.
    fn take_back(
        &self,
        found: FoundFormerEmail,
    ) -> Result<(Event<'static>, VerifiedEmail), DbError> {
        let lost = found.user.email.clone();
        let key = lost.key();
        let notice = MailKind::EmailTakenBack {
            to: lost,
            new: found.email.clone(),
        };
        let notice =
            (key != found.email.key()).then(|| notice.within_budget(&self.settings.throttle, &key));
        let reset = MailKind::PasswordReset.row();
        self.db.take_email_back(&found, &reset, notice.as_ref())?;
        self.wake_mails();
        let (user, email) = (found.user.id, found.email);
        Ok((
            Event::EmailTakenBack { user },
            VerifiedEmail { user, email },
        ))
    }
}

fn invalid(error: DbError) -> AuthError {
    match error {
        DbError::NoResultFound | DbError::AlreadyExists(_) => AuthError::InvalidEmailToken,
        DbError::InvalidRequest(_) | DbError::Unavailable(_) | DbError::Failed(_) => error.into(),
    }
}
