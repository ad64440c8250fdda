//! Rate limits of mails and of account changes.

use super::ip_limits::RESET_REQUESTS;
use super::{LoginAttempt, ThrottleSettings, device_mark};
use crate::auth::{Auth, AuthError};
use crate::db::LimitCheck;
use crate::domain::{Client, LimitKey, NormalizedEmail, UserId};
use crate::mail::MailKind;

/// The limits of a request for a reset mail: by device for a known one, so that others behind
/// the same address do not use it up; else by network and subnet. Blocks for a lookup if the
/// client sent a device cookie.
///
/// # Errors
/// Only if the database fails.
pub(in crate::auth) fn reset_requests(
    auth: &Auth,
    email: &NormalizedEmail,
    client: &Client,
) -> Result<Vec<LimitCheck>, AuthError> {
    let settings = &auth.settings.throttle;
    let mut attempt = LoginAttempt::new(email.clone(), client.clone());
    if let Some(device) = device_mark(client) {
        attempt.recognize_by(auth, vec![device])?;
    }
    Ok(match &attempt.mark {
        Some(device) => vec![settings.limit_check(LimitKey::reset_requests_of(email, device))],
        None => RESET_REQUESTS.of(client, settings),
    })
}

/// The limits of the mails of a kind to one address, for requests of all clients together.
/// They hold with rate limits off too: no mailbox may be flooded.
pub(in crate::auth) fn mail_budget(
    settings: &ThrottleSettings,
    kind: &str,
    to: &NormalizedEmail,
) -> Vec<LimitCheck> {
    vec![
        settings.limit_check(LimitKey::mail_pause(kind, to)),
        settings.limit_check(LimitKey::mail(kind, to)),
    ]
}

/// The limit of the notifications of a kind to one address. It sets no pause between them: two
/// real changes may follow each other closely, and the owner has to learn of both.
pub(in crate::auth) fn notification_budget(
    settings: &ThrottleSettings,
    kind: &str,
    to: &NormalizedEmail,
) -> Vec<LimitCheck> {
    vec![settings.limit_check(LimitKey::mail(kind, to))]
}

/// The limit of one account's requests for a new address: each sends a mail, to any address.
pub(in crate::auth) fn email_changes(
    settings: &ThrottleSettings,
    user_id: UserId,
) -> Vec<LimitCheck> {
    vec![settings.limit_check(LimitKey::email_changes(user_id))]
}

/// The limit of an administrator's acts with the right password.
pub(in crate::auth) fn admin_acts(settings: &ThrottleSettings, admin: UserId) -> Vec<LimitCheck> {
    let check = settings
        .throttle
        .then(|| settings.limit_check(LimitKey::admin_acts(admin)));
    check.into_iter().collect()
}

/// The limit of an account's changes with the right password.
pub(in crate::auth) fn reauthentications(
    settings: &ThrottleSettings,
    email: &NormalizedEmail,
) -> Vec<LimitCheck> {
    let check = settings
        .throttle
        .then(|| settings.limit_check(LimitKey::reauthentication(email)));
    check.into_iter().collect()
}

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
