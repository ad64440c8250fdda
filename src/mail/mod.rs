//! Mails: their kinds, templates and transports.
//!
//! A [`MailKind`] is queued, [`Templates`] turn it into a [`Mail`], and a [`Mailer`] sends it.
//! Sending blocks and may take minutes, so it needs a thread of its own.

mod builtin_templates;
mod file_transport;
mod invitation;
mod kind;
mod mailer;
mod memory;
mod message;
mod recent;
mod send_error;
mod smtp;
mod smtp_failure;
mod templates;

pub use file_transport::Folder;
pub use invitation::{InvitationMail, InvitationMailError};
pub use kind::{MailDraft, MailKind, MailToken, UnreadableMail};
pub use mailer::Mailer;
pub use memory::Memory;
pub use message::Mail;
pub use recent::RecentMails;
pub use send_error::SendError;
pub use smtp::{Smtp, SmtpError, SmtpSettings};
pub use templates::{TemplateError, TemplateSettings, Templates, token_link};
