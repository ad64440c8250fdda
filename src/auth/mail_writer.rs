//! What becomes of a row of the outbox when it is sent.
//!
//! What a mail needs to let somebody in is made here, and is nowhere but in the mail: the
//! database has its digest.

use super::events::Event;
use super::outgoing::{Outgoing, UnknownLetter};
use super::reset_password::make_token;
use crate::db::{ClaimedMail, DB, DbError};
use crate::domain::{Client, Email, ResetToken, UserId};
use crate::mail::{Letter, Mail, TemplateError, Templates};

pub(super) struct MailWriter {
    db: DB,
    templates: Templates,
}

/// Why a mail could not be written; another attempt may go better.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotWritten {
    #[error(transparent)]
    Unknown(#[from] UnknownLetter),
    #[error(transparent)]
    Db(DbError),
    #[error(transparent)]
    Template(#[from] TemplateError),
}

impl MailWriter {
    pub(super) fn new(db: DB, templates: Templates) -> Self {
        Self { db, templates }
    }

    /// Writes the mail that a row asks for; none if it is for nobody. Blocks for a look-up,
    /// and for a write where the mail has a token.
    pub(super) fn write(&self, mail: &ClaimedMail) -> Result<Option<Mail>, NotWritten> {
        let outgoing = Outgoing::of(mail)?;
        match mail.user_id {
            Some(user_id) => self.to_user(&outgoing, user_id),
            None => self.to_nobody(&outgoing).map(|()| None),
        }
    }

    /// To the address that is stored, whatever somebody typed.
    fn to_user(&self, outgoing: &Outgoing, user_id: UserId) -> Result<Option<Mail>, NotWritten> {
        let written = || -> Result<_, DbError> {
            let user = self.db.find_user_by(user_id)?;
            Ok((self.letter(outgoing, user_id)?, user.email))
        };
        match written() {
            Ok((letter, to)) => Ok(Some(self.templates.render(&letter, &to)?)),
            Err(DbError::NoResultFound) => Ok(None),
            Err(
                error @ (DbError::InvalidRequest(_)
                | DbError::AlreadyExists(_)
                | DbError::Unavailable(_)
                | DbError::Failed(_)),
            ) => Err(NotWritten::Db(error)),
        }
    }

    fn letter(&self, outgoing: &Outgoing, user_id: UserId) -> Result<Letter, DbError> {
        match outgoing {
            Outgoing::PasswordReset => {
                let token = make_token(&self.db, user_id)?.expose();
                Event::ResetTokenCreated { user: user_id }.log(&Client::default());
                Ok(Letter::PasswordReset { token })
            }
            Outgoing::PasswordChanged => Ok(Letter::PasswordChanged),
        }
    }

    /// The work of a mail to an address without an account, up to the sending: a worker that
    /// is busy for longer with others would tell them apart.
    fn to_nobody(&self, outgoing: &Outgoing) -> Result<(), NotWritten> {
        let nobody = UserId::new(0);
        drop(self.db.find_user_by(nobody));
        drop(self.letter(outgoing, nobody));
        let token = ResetToken::generate().expose();
        let address = Email::from_stored("nobody@localhost".to_owned());
        self.templates
            .render(&Letter::PasswordReset { token }, &address)?;
        Ok(())
    }
}
