use crate::auth::outgoing::Outgoing;
use crate::domain::{EmailKey, ThrottleKey};

/// The keys by which mails to an address are limited.
#[must_use]
pub fn mail_limit_keys(email: &EmailKey) -> Vec<ThrottleKey> {
    Outgoing::COUNTED
        .into_iter()
        .flat_map(|kind| {
            [
                ThrottleKey::mail(kind, email),
                ThrottleKey::mail_pause(kind, email),
            ]
        })
        .collect()
}
