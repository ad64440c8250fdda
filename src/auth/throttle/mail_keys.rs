//! The limit keys of the mails to an address.

use crate::auth::outbox::message::NOTHING_TOLD;
use crate::domain::{LimitKey, NormalizedEmail};
use crate::mail::MailKind;

/// All keys by which the mails to an address are limited.
#[must_use]
pub fn mail_limit_keys(email: &NormalizedEmail) -> Vec<LimitKey> {
    let kinds = MailKind::NAMES.iter().chain([&NOTHING_TOLD]);
    kinds
        .flat_map(|kind| {
            [
                LimitKey::mail(kind, email),
                LimitKey::mail_pause(kind, email),
            ]
        })
        .collect()
}
