//! Composes the mail of a row of the outbox.
//!
//! Tokens are created here, when the mail is sent. They are only in the mail; the database has
//! their digests.

use secrecy::SecretString;

use crate::auth::audit::{AuditTrail, Event};
use crate::auth::email_verification;
use crate::auth::password_reset::{RESET_TOKEN_LIFETIME, make_token};
use crate::db::{ClaimedMail, DB, DbError, NewEmailToken};
use crate::domain::{
    ChainHead, Client, Email, EmailRevertToken, EmailToken, EmailTokenAction, Language, ResetToken,
    User, UserId,
};
use crate::mail::{Mail, MailDraft, MailKind, MailToken, TemplateError, Templates, UnreadableMail};

pub(in crate::auth) struct MailWriter {
    db: DB,
    audit: AuditTrail,
    templates: Templates,
}

/// The result of composing a row.
pub(in crate::auth) enum Written {
    /// A mail.
    ToSomebody(Mail),
    /// A decoy, which is not sent.
    ToNobody(Mail),
    /// Nothing: the user was deleted, or the mail was revoked.
    Nothing,
}

/// Why a mail could not be composed. A later attempt may succeed.
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
    pub(in crate::auth) fn new(db: DB, audit: AuditTrail, templates: Templates) -> Self {
        Self {
            db,
            audit,
            templates,
        }
    }

    pub(in crate::auth) fn templates(&self) -> &Templates {
        &self.templates
    }

    /// Composes the mail of a row. Blocks for a lookup, and for a write if the mail has a token.
    pub(in crate::auth) fn write(&self, mail: &ClaimedMail) -> Result<Written, NotWritten> {
        let kind = MailKind::from_row(&mail.kind, mail.details.as_deref())?;
        if let MailKind::AccountDeleted { to, language, .. } = &kind {
            let written = self.templates.render(&MailDraft {
                kind: &kind,
                to,
                account: to,
                language: language.unwrap_or_default(),
                token: None,
                audit_head: self.audit_head(&kind)?,
            })?;
            return Ok(Written::ToSomebody(written));
        }
        let Some(user_id) = mail.user_id else {
            return Ok(Written::ToNobody(self.to_placeholder(&kind, mail)?));
        };
        let prepared = self.db.find_user_by(user_id).and_then(|user| {
            let token = kind.token();
            let token = token.map(|token| self.make_token(token, &user, mail));
            Ok((token.transpose()?, self.db.language_of(user_id)?, user))
        });
        match prepared {
            // The recipient is the stored address, never the one that a client has typed, except
            // for mails to a new or a former address.
            Ok((token, language, user)) => {
                Ok(Written::ToSomebody(self.templates.render(&MailDraft {
                    kind: &kind,
                    to: kind.recipient().unwrap_or(&user.email),
                    account: &user.email,
                    language: language.unwrap_or_default(),
                    token,
                    audit_head: self.audit_head(&kind)?,
                })?))
            }
            Err(DbError::NoResultFound) => Ok(Written::Nothing),
            Err(error) => Err(error.into()),
        }
    }

    /// The head of the audit table, for notifications. The events that wait are appended before, so
    /// that it covers the one which caused the mail. Blocks for a lookup, and for a write.
    fn audit_head(&self, kind: &MailKind) -> Result<Option<ChainHead>, DbError> {
        if kind.row().has_token {
            return Ok(None);
        }
        self.audit.write(&self.db.in_background());
        self.db.audit_head().map(Some)
    }

    /// Creates the token of a mail, and stores its digest.
    fn make_token(
        &self,
        token: MailToken<'_>,
        user: &User,
        mail: &ClaimedMail,
    ) -> Result<SecretString, DbError> {
        let token = match token {
            MailToken::ResetPassword => {
                let token = make_token(&self.db, user.id, RESET_TOKEN_LIFETIME, Some(mail))?;
                Event::reset_token_created(user.id).log(&self.audit, &Client::default());
                token.expose()
            }
            MailToken::VerifyEmail => {
                self.email_token(user.id, EmailTokenAction::Verify, &user.email, mail)?
            }
            MailToken::ChangeEmail(to) => {
                self.email_token(user.id, EmailTokenAction::Change, to, mail)?
            }
            MailToken::UndoEmailChange(former) => {
                let token = EmailRevertToken::generate();
                self.db
                    .set_email_revert_token(user.id, &former.key(), &token.digest())?;
                token.expose()
            }
            MailToken::UndoFactorChange(kind) => {
                let token = EmailRevertToken::generate();
                self.db
                    .set_factor_undo_token(user.id, (kind, mail), &token.digest())?;
                token.expose()
            }
            // It is sent at once. A row of it would be dropped.
            MailToken::Invite => return Err(DbError::NoResultFound),
        };
        Ok(token.into())
    }

    fn email_token(
        &self,
        user_id: UserId,
        action: EmailTokenAction,
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
        Event::email_token_created(user_id, action).log(&self.audit, &Client::default());
        Ok(token.expose())
    }

    /// Decoy for an unknown address: performs the same database and template work as a real mail,
    /// so that timing does not reveal whether the account exists.
    fn to_placeholder(&self, kind: &MailKind, mail: &ClaimedMail) -> Result<Mail, NotWritten> {
        let no_user = UserId::new(0);
        drop(self.db.find_user_by(no_user));
        drop(self.db.language_of(no_user));
        if kind.row().has_token {
            self.db.store_decoy_token(mail)?;
        }
        let address = Email::from_stored("placeholder@localhost".to_owned());
        Ok(self.templates.render(&MailDraft {
            kind: &MailKind::PasswordReset,
            to: &address,
            account: &address,
            language: Language::default(),
            token: Some(ResetToken::generate().expose().into()),
            audit_head: self.audit_head(kind)?,
        })?)
    }
}
