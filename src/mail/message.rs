use std::fmt;

use lettre::Message;
use lettre::address::Address;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use uuid::Uuid;

use super::SendError;
use crate::domain::Email;

/// A mail, ready to go. `Debug` leaves out what it says: there may be a token in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// Whom it is for.
    pub to: Email,
    /// Its subject, one line.
    pub subject: String,
    /// What it says, as plain text.
    pub text: String,
    /// What it says, as HTML.
    pub html: String,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail")
            .field("to", &self.to)
            .field("subject", &self.subject)
            .finish_non_exhaustive()
    }
}

impl Mail {
    /// The mail as it travels (RFC 5322), with its envelope.
    pub(super) fn message(&self, from: &Email) -> Result<Message, SendError> {
        let sender = address(from).map_err(|cause| {
            // What is wrong with our own address is wrong with every mail, and mended at once.
            SendError::Away(format!("the sender's address: {cause}"))
        })?;
        let id = format!("<{}@{}>", Uuid::new_v4(), sender.domain());
        let mut builder = Message::builder()
            .from(Mailbox::new(None, sender))
            .to(Mailbox::new(
                None,
                address(&self.to).map_err(SendError::Refused)?,
            ))
            .subject(self.subject.as_str())
            .message_id(Some(id))
            .date_now();
        // Vacation notices stay silent (RFC 3834).
        builder = builder.raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
        let body = MultiPart::alternative_plain_html(self.text.clone(), self.html.clone());
        builder
            .multipart(body)
            .map_err(|error: lettre::error::Error| SendError::Refused(error.to_string()))
    }
}

/// An address as mail servers know it.
///
/// A domain that the rules of international names (UTS 46) would turn into another one is
/// refused: else a look-alike of a domain would be sent what is meant for it alone.
fn address(email: &Email) -> Result<Address, String> {
    let Some((local, domain)) = email.as_str().rsplit_once('@') else {
        return Err("no address".to_owned());
    };
    let domain = if domain.is_ascii() {
        domain.to_owned()
    } else {
        let ascii = idna::domain_to_ascii(domain)
            .or(Err("its domain is no international name".to_owned()))?;
        let (unicode, valid) = idna::domain_to_unicode(&ascii);
        if valid.is_err() || unicode != domain.to_lowercase() {
            return Err("its domain is the look-alike of another one".to_owned());
        }
        ascii
    };
    Address::new(local, domain).map_err(|error| error.to_string())
}
