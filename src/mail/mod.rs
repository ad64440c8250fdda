//! Mails: what they say and where they go.
//!
//! [`Templates`] turn a [`Letter`] into a [`Mail`], and a [`Mailer`] sends it. Sending
//! blocks and may take minutes: it needs a thread of its own, and no request does it.

mod browser;
mod folder;
mod letter;
mod mailer;
mod memory;
mod message;
mod smtp;
mod smtp_failure;
mod sources;
mod templates;

pub use folder::Folder;
pub use letter::Letter;
pub use mailer::{Mailer, SendError};
pub use memory::Memory;
pub use message::Mail;
pub use smtp::{Smtp, SmtpError, SmtpSettings};
pub use templates::{TemplateError, TemplateSettings, Templates};
