use super::ThrottleSettings;
use crate::db::Charge;
use crate::domain::{Client, EmailKey, Rule, ThrottleKey, UserId};

/// What a request for a mail has to pass: nothing without an address.
pub(in crate::auth) fn reset_requests(settings: &ThrottleSettings, client: &Client) -> Vec<Charge> {
    let address = client.address().filter(|_| settings.on);
    let charge = address.map(|address| Charge {
        key: ThrottleKey::reset_requests(&address.network()),
        rule: Rule::Rate(settings.registration),
    });
    charge.into_iter().collect()
}

/// How many mails of a kind an address gets, whoever asks for them. This holds where guessing
/// is not slowed down too: it is not a guess, and nobody's mailbox may be filled.
pub(in crate::auth) fn mail_budget(
    settings: &ThrottleSettings,
    kind: &str,
    to: &EmailKey,
) -> Vec<Charge> {
    vec![
        Charge {
            key: ThrottleKey::mail_pause(kind, to),
            rule: Rule::Rate(settings.reset_pause),
        },
        Charge {
            key: ThrottleKey::mail(kind, to),
            rule: Rule::Rate(settings.reset),
        },
    ]
}

/// How many notifications of a kind an address gets. There is no pause between them: two real
/// changes may follow each other closely, and the owner has to learn of both.
pub(in crate::auth) fn notification_budget(
    settings: &ThrottleSettings,
    kind: &str,
    to: &EmailKey,
) -> Vec<Charge> {
    vec![Charge {
        key: ThrottleKey::mail(kind, to),
        rule: Rule::Rate(settings.reset),
    }]
}

/// How many addresses one account asks, whatever they are: each gets a mail.
pub(in crate::auth) fn email_changes(settings: &ThrottleSettings, user_id: UserId) -> Vec<Charge> {
    vec![Charge {
        key: ThrottleKey::email_changes(user_id),
        rule: Rule::Rate(settings.reset),
    }]
}

/// How often the owner of an account changes it with the right password.
pub(in crate::auth) fn reauthentications(
    settings: &ThrottleSettings,
    email: &EmailKey,
) -> Vec<Charge> {
    let charge = settings.on.then(|| Charge {
        key: ThrottleKey::reauthentication(email),
        rule: Rule::Rate(settings.reauthentication),
    });
    charge.into_iter().collect()
}
