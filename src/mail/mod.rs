//! Mails: what they say and where they go.
//!
//! A [`MailKind`] is queued, [`Templates`] turn it into a [`Mail`], and a [`Mailer`] sends that.
//! Sending blocks and may take minutes: it needs a thread of its own, and no request does it.

mod builtin_templates;
mod file_transport;
mod kind;
mod mailer;
mod memory;
mod message;
mod smtp;
mod smtp_failure;
mod templates;
mod user_agent;

pub use file_transport::Folder;
pub use kind::{MailDraft, MailKind, MailToken, UnreadableMail};
pub use mailer::{Mailer, SendError};
pub use memory::Memory;
pub use message::Mail;
pub use smtp::{Smtp, SmtpError, SmtpSettings};
pub use templates::{TemplateError, TemplateSettings, Templates};
