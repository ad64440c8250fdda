//! What becomes of a row of the outbox when it is sent.
//!
//! What a mail needs to let somebody in is made here, and is nowhere but in the mail: the
//! database has its digest.

use super::message::{OutboxMessage, UnreadableMail};
use crate::auth::audit::Event;
use crate::auth::email_verification;
use crate::auth::password_reset::{RESET_TOKEN_LIFETIME, make_token};
use crate::db::{ClaimedMail, DB, DbError, NewEmailToken};
use crate::domain::{Client, Email, EmailAction, EmailToken, ResetToken, UndoToken, User, UserId};
use crate::mail::{Mail, MailKind, TemplateError, Templates};

pub(in crate::auth) struct MailWriter {
    db: DB,
    templates: Templates,
}

/// What a row has become.
pub(in crate::auth) enum Written {
    /// A mail.
    ToSomebody(Mail),
    /// A mail that nobody shall get, for the sake of the work.
    ToNobody(Mail),
    /// The user is gone, or the mail was revoked.
    Nothing,
}

/// Why a mail could not be written; another attempt may go better.
#[derive(Debug, thiserror::Error)]
pub(in crate::auth) enum NotWritten {
    #[error(transparent)]
    Unreadable(#[from] UnreadableMail),
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Template(#[from] TemplateError),
}

impl MailWriter {
    pub(in crate::auth) fn new(db: DB, templates: Templates) -> Self {
        Self { db, templates }
    }

    /// Writes the mail that a row asks for. Blocks for a look-up, and for a write where the
    /// mail has a token.
    pub(in crate::auth) fn write(&self, mail: &ClaimedMail) -> Result<Written, NotWritten> {
        let outgoing = OutboxMessage::of(mail)?;
        if let OutboxMessage::AccountDeleted { to, last } = &outgoing {
            let last = last.clone();
            let letter = MailKind::AccountDeleted { last };
            let written = self.templates.render(&letter, to)?;
            return Ok(Written::ToSomebody(written));
        }
        let Some(user_id) = mail.user_id else {
            return Ok(Written::ToNobody(self.to_nobody(&outgoing, mail)?));
        };
        let user = self.db.find_user_by(user_id);
        let letter = user.and_then(|user| self.letter(&outgoing, &user, mail));
        match letter {
            Ok((letter, to)) => Ok(Written::ToSomebody(self.templates.render(&letter, &to)?)),
            Err(DbError::NoResultFound) => Ok(Written::Nothing),
            Err(error) => Err(error.into()),
        }
    }

    /// What it says, and to whom: to the address that is stored, whatever somebody typed,
    /// but for one that the account shall get, or had.
    fn letter(
        &self,
        outgoing: &OutboxMessage,
        user: &User,
        mail: &ClaimedMail,
    ) -> Result<(MailKind, Email), DbError> {
        let to_user = |letter| Ok((letter, user.email.clone()));
        match outgoing {
            OutboxMessage::PasswordReset => {
                let token = make_token(&self.db, user.id, RESET_TOKEN_LIFETIME, Some(mail))?;
                let token = token.expose();
                Event::ResetTokenCreated { user: user.id }.log(&Client::default());
                to_user(MailKind::PasswordReset { token })
            }
            OutboxMessage::VerifyEmail => {
                let token = self.email_token(user.id, EmailAction::Verify, &user.email, mail)?;
                to_user(MailKind::VerifyEmail { token })
            }
            OutboxMessage::ConfirmEmail { to } => {
                let token = self.email_token(user.id, EmailAction::Change, to, mail)?;
                let present = user.email.clone();
                Ok((MailKind::ConfirmEmail { token, present }, to.clone()))
            }
            OutboxMessage::EmailChanged { old, new } => {
                let token = UndoToken::generate();
                self.db
                    .set_undo_token(user.id, &old.key(), &token.digest())?;
                let letter = MailKind::EmailChanged {
                    new: new.clone(),
                    undo_token: token.expose(),
                };
                Ok((letter, old.clone()))
            }
            OutboxMessage::NewDevice {
                address,
                user_agent,
                at,
            } => to_user(MailKind::NewDevice {
                address: *address,
                user_agent: user_agent.clone(),
                at: *at,
            }),
            OutboxMessage::PasswordChanged => to_user(MailKind::PasswordChanged),
            OutboxMessage::AlreadyRegistered => to_user(MailKind::AlreadyRegistered),
            OutboxMessage::AccountDeleted { to, last } => {
                let last = last.clone();
                Ok((MailKind::AccountDeleted { last }, to.clone()))
            }
            OutboxMessage::EmailTakenBack { to, by } => {
                Ok((MailKind::EmailTakenBack { by: by.clone() }, to.clone()))
            }
        }
    }

    fn email_token(
        &self,
        user_id: UserId,
        action: EmailAction,
        email: &Email,
        mail: &ClaimedMail,
    ) -> Result<String, DbError> {
        let token = EmailToken::generate();
        let new = NewEmailToken {
            digest: &token.digest(),
            action,
            email,
            lifetime: email_verification::LIFETIME,
        };
        self.db.set_email_token(user_id, &new, mail)?;
        Event::EmailTokenCreated { user: user_id }.log(&Client::default());
        Ok(token.expose())
    }

    /// The work of a mail to somebody: a worker, or a disk, that is busy for longer with others
    /// would tell them apart.
    fn to_nobody(&self, outgoing: &OutboxMessage, mail: &ClaimedMail) -> Result<Mail, NotWritten> {
        let nobody = UserId::new(0);
        drop(self.db.find_user_by(nobody));
        if outgoing.row().has_token {
            self.db.store_no_token(mail)?;
        }
        let token = ResetToken::generate().expose();
        let address = Email::from_stored("nobody@localhost".to_owned());
        Ok(self
            .templates
            .render(&MailKind::PasswordReset { token }, &address)?)
    }
}
