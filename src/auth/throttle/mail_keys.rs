//! The limit keys of the mails to an address.

use crate::domain::{LimitKey, NormalizedEmail};
use crate::mail::MailKind;

/// The kind that is counted for the decoy of a concealed registration, if the address is new.
pub(in crate::auth) const NOTHING_TOLD: &str = "registered";

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
