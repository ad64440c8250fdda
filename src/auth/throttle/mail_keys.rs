//! The limit keys of the mails to an address.

use crate::auth::outbox::message::OutboxMessage;
use crate::domain::{EmailKey, LimitKey};

/// All keys by which the mails to an address are limited.
#[must_use]
pub fn mail_limit_keys(email: &EmailKey) -> Vec<LimitKey> {
    OutboxMessage::COUNTED
        .into_iter()
        .flat_map(|kind| {
            [
                LimitKey::mail(kind, email),
                LimitKey::mail_pause(kind, email),
            ]
        })
        .collect()
}
