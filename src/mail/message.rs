//! Mails in their transfer format: headers, text and HTML.

use std::fmt;

use lettre::Message;
use lettre::address::{Address, Envelope};
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue};
use lettre::message::{Body, Mailbox, MultiPart, SinglePart};
use uuid::Uuid;

use super::SendError;
use crate::domain::Email;

/// A mail that is ready to be sent. `Debug` hides its content, which may contain a token.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// The recipient.
    pub to: Email,
    /// The subject, one line.
    pub subject: String,
    /// The content as plain text.
    pub text: String,
    /// The content as HTML.
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
    /// The link of the mail: the first line of the text that is a URL.
    #[must_use]
    pub fn link(&self) -> Option<&str> {
        let is_url = |line: &&str| line.starts_with("http://") || line.starts_with("https://");
        self.text.lines().map(str::trim).find(is_url)
    }

    /// The sender's address, and the recipient's.
    fn addresses(&self, from: &Email) -> Result<(Address, Address), SendError> {
        let sender = address(from).map_err(|cause| {
            // This affects every mail until the operator corrects the setting.
            SendError::Away(format!(
                "the sender's address is wrong: {cause}. Check --mail-from (BIENVENUE_MAIL_FROM)"
            ))
        })?;
        let unusable = |cause| SendError::Refused(format!("the recipient's address: {cause}"));
        Ok((sender, address(&self.to).map_err(unusable)?))
    }

    /// The envelope for the mail server: sender and recipient.
    pub(super) fn envelope(&self, from: &Email) -> Result<Envelope, SendError> {
        let (sender, recipient) = self.addresses(from)?;
        Envelope::new(Some(sender), vec![recipient])
            .map_err(|error| SendError::Refused(error.to_string()))
    }

    /// The mail in the format of RFC 5322. Non-ASCII text stays as it is if `eight_bit` is set, and
    /// is encoded otherwise.
    pub(super) fn message(&self, from: &Email, eight_bit: bool) -> Result<Vec<u8>, SendError> {
        let (sender, recipient) = self.addresses(from)?;
        let id = format!("<{}@{}>", Uuid::new_v4(), sender.domain());
        let mut builder = Message::builder()
            .from(Mailbox::new(None, sender))
            .to(Mailbox::new(None, recipient))
            .subject(self.subject.as_str())
            .message_id(Some(id))
            .date_now();
        // Prevents automatic replies (RFC 3834).
        builder = builder.raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
        let part = |kind, text: &str| {
            let part = SinglePart::builder().header(kind);
            part.body(encoded(text, eight_bit))
        };
        let body = MultiPart::alternative()
            .singlepart(part(ContentType::TEXT_PLAIN, &self.text))
            .singlepart(part(ContentType::TEXT_HTML, &self.html));
        let message = builder.multipart(body);
        let message =
            message.map_err(|error: lettre::error::Error| SendError::Refused(error.to_string()))?;
        Ok(message.formatted())
    }
}

/// The longest line that needs no encoding, in bytes (RFC 5322, 2.1.1).
const LONGEST_LINE: usize = 998;

/// A text as the body of a part, unencoded if possible, so that a link can be copied from the
/// file. lettre would wrap lines at 76 characters with quoted-printable.
fn encoded(text: &str, eight_bit: bool) -> Body {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let is_short = text.split('\n').all(|line| line.len() <= LONGEST_LINE);
    let encoding = if text.is_ascii() {
        ContentTransferEncoding::SevenBit
    } else {
        ContentTransferEncoding::EightBit
    };
    if is_short && (eight_bit || text.is_ascii()) && !text.contains('\0') {
        Body::dangerous_pre_encoded(text.replace('\n', "\r\n").into_bytes(), encoding)
    } else {
        Body::new(text)
    }
}

/// An address in the form for mail servers.
///
/// A domain that normalization (UTS 46) would change into another one is refused. Otherwise a mail
/// to a look-alike domain would go to the real one.
fn address(email: &Email) -> Result<Address, String> {
    let Some((local, domain)) = email.as_str().rsplit_once('@') else {
        return Err("no address".to_owned());
    };
    let domain = if domain.is_ascii() {
        domain.to_owned()
    } else {
        let ascii = idna::domain_to_ascii(domain).or(Err(
            "its domain is not a valid international name".to_owned(),
        ))?;
        let (unicode, valid) = idna::domain_to_unicode(&ascii);
        if valid.is_err() || unicode != domain.to_lowercase() {
            return Err("its domain is a look-alike of another one".to_owned());
        }
        ascii
    };
    Address::new(local, domain).map_err(|error| error.to_string())
}
