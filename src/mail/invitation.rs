//! The email of an invitation, which is sent at once and never queued: the database does not have
//! its token.

use secrecy::SecretString;

use super::{MailDraft, MailKind, Mailer, SendError, TemplateError, Templates};
use crate::domain::{Email, InvitationToken, Language};

/// The email with the link of an invitation. `Debug` hides its token.
#[derive(Debug, Clone)]
pub struct InvitationMail {
    /// The invited address.
    pub to: Email,
    /// The token of the link.
    pub token: InvitationToken,
    /// How many days the link is valid.
    pub days: u32,
    /// The language of the text.
    pub language: Language,
}

/// Why the email of an invitation was not sent.
#[derive(Debug, thiserror::Error)]
pub enum InvitationMailError {
    /// Its text cannot be written.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// The mail server did not accept it.
    #[error(transparent)]
    Send(#[from] SendError),
}

impl InvitationMail {
    /// Sends the email. Blocks for at most some minutes.
    ///
    /// # Errors
    /// [`InvitationMailError`].
    pub fn send(&self, mailer: &Mailer, templates: &Templates) -> Result<(), InvitationMailError> {
        let kind = &MailKind::Invitation { days: self.days };
        let mail = templates.render(&MailDraft {
            kind,
            to: &self.to,
            account: &self.to,
            language: self.language,
            token: Some(SecretString::from(self.token.expose())),
            audit_head: None,
        })?;
        Ok(mailer.send(&mail)?)
    }
}
