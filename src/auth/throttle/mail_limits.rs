//! Rate limits of mails, and of changes of an account.

use super::{LoginAttempt, Networks, ThrottleSettings};
use crate::auth::{Auth, AuthError};
use crate::db::LimitCheck;
use crate::domain::{Client, EmailKey, LimitKey, UserId};

/// The limits of a request for a mail with a reset token: by the client's device if the
/// account knows it, so that neighbours behind the same address use none of it up, else by
/// network and site. Blocks for two look-ups if the client shows a device.
///
/// # Errors
/// Only if the database fails.
pub(in crate::auth) fn reset_requests(
    auth: &Auth,
    email: &EmailKey,
    client: &Client,
) -> Result<Vec<LimitCheck>, AuthError> {
    let settings = &auth.settings.throttle;
    let mut guess = LoginAttempt::new(email.clone(), client.clone());
    guess.recognize_device(auth)?;
    Ok(match guess.mark() {
        Some(device) => vec![settings.charge(LimitKey::reset_requests_of(email, device))],
        None => Networks(client).reset_requests(settings),
    })
}

/// How many mails of a kind an address gets, whoever asks for them. This holds where guessing
/// is not slowed down too: it is not a guess, and nobody's mailbox may be filled.
pub(in crate::auth) fn mail_budget(
    settings: &ThrottleSettings,
    kind: &str,
    to: &EmailKey,
) -> Vec<LimitCheck> {
    vec![
        settings.charge(LimitKey::mail_pause(kind, to)),
        settings.charge(LimitKey::mail(kind, to)),
    ]
}

/// How many notifications of a kind an address gets. There is no pause between them: two real
/// changes may follow each other closely, and the owner has to learn of both.
pub(in crate::auth) fn notification_budget(
    settings: &ThrottleSettings,
    kind: &str,
    to: &EmailKey,
) -> Vec<LimitCheck> {
    vec![settings.charge(LimitKey::mail(kind, to))]
}

/// How many addresses one account asks, whatever they are: each gets a mail.
pub(in crate::auth) fn email_changes(
    settings: &ThrottleSettings,
    user_id: UserId,
) -> Vec<LimitCheck> {
    vec![settings.charge(LimitKey::email_changes(user_id))]
}

/// How often the owner of an account changes it with the right password.
pub(in crate::auth) fn reauthentications(
    settings: &ThrottleSettings,
    email: &EmailKey,
) -> Vec<LimitCheck> {
    let charge = settings
        .on
        .then(|| settings.charge(LimitKey::reauthentication(email)));
    charge.into_iter().collect()
}
