//! Mails: what they say and where they go.
//!
//! [`Templates`] turn a [`Letter`] into a [`Mail`], and a [`Mailer`] sends it. Sending
//! blocks and may take seconds: it is for a thread of its own, never for a request.

mod browser;
mod folder;
mod letter;
mod mailer;
mod memory;
mod message;
mod smtp;
mod sources;
mod templates;

pub use folder::Folder;
pub use letter::Letter;
pub use mailer::{Mailer, SendError};
pub use memory::Memory;
pub use message::Mail;
pub use smtp::{Smtp, SmtpError, SmtpSettings};
pub(crate) use templates::quoted;
pub use templates::{TemplateError, TemplateSettings, Templates};
