//! What becomes of a row of the outbox when it is sent.
//!
//! What a mail needs to let somebody in is made here, and is nowhere but in the mail: the
//! database has its digest.

use secrecy::SecretString;

use crate::auth::audit::Event;
use crate::auth::email_verification;
use crate::auth::password_reset::{RESET_TOKEN_LIFETIME, make_token};
use crate::db::{ClaimedMail, DB, DbError, NewEmailToken};
use crate::domain::{Client, Email, EmailAction, EmailToken, ResetToken, UndoToken, User, UserId};
use crate::mail::{Mail, MailDraft, MailKind, MailToken, TemplateError, Templates, UnreadableMail};

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
        let kind = MailKind::from_row(&mail.letter, mail.details.as_deref())?;
        if let MailKind::AccountDeleted { to, .. } = &kind {
            let written = self.templates.render(&MailDraft {
                kind: &kind,
                to,
                account: to,
                token: None,
            })?;
            return Ok(Written::ToSomebody(written));
        }
        let Some(user_id) = mail.user_id else {
            return Ok(Written::ToNobody(self.to_nobody(&kind, mail)?));
        };
        let prepared = self.db.find_user_by(user_id).and_then(|user| {
            let token = kind.token();
            let token = token.map(|token| self.make_token(token, &user, mail));
            Ok((token.transpose()?, user))
        });
        match prepared {
            // To the address that is stored, whatever a client has typed, but for an address that
            // the account shall get, or had.
            Ok((token, user)) => Ok(Written::ToSomebody(self.templates.render(&MailDraft {
                kind: &kind,
                to: kind.recipient().unwrap_or(&user.email),
                account: &user.email,
                token,
            })?)),
            Err(DbError::NoResultFound) => Ok(Written::Nothing),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes the token of a mail, and stores its digest.
    fn make_token(
        &self,
        token: MailToken<'_>,
        user: &User,
        mail: &ClaimedMail,
    ) -> Result<SecretString, DbError> {
        let token = match token {
            MailToken::ResetPassword => {
                let token = make_token(&self.db, user.id, RESET_TOKEN_LIFETIME, Some(mail))?;
                Event::ResetTokenCreated { user: user.id }.log(&Client::default());
                token.expose()
            }
            MailToken::VerifyEmail => {
                self.email_token(user.id, EmailAction::Verify, &user.email, mail)?
            }
            MailToken::ChangeEmail(to) => {
                self.email_token(user.id, EmailAction::Change, to, mail)?
            }
            MailToken::UndoEmailChange(former) => {
                let token = UndoToken::generate();
                self.db
                    .set_undo_token(user.id, &former.key(), &token.digest())?;
                token.expose()
            }
        };
        Ok(token.into())
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

    /// The work of a mail to a user: a worker, or a disk, that is busy for longer with others
    /// would tell them apart.
    fn to_nobody(&self, kind: &MailKind, mail: &ClaimedMail) -> Result<Mail, NotWritten> {
        let nobody = UserId::new(0);
        drop(self.db.find_user_by(nobody));
        if kind.row().has_token {
            self.db.store_no_token(mail)?;
        }
        let address = Email::from_stored("nobody@localhost".to_owned());
        Ok(self.templates.render(&MailDraft {
            kind: &MailKind::PasswordReset,
            to: &address,
            account: &address,
            token: Some(ResetToken::generate().expose().into()),
        })?)
    }
}
