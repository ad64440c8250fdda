//! What is noted about a change of second factors, and what its owner is notified of.

use super::{Auth, code_limit};
use crate::auth::Notification;
use crate::auth::audit::{AuditTrail, Event};
use crate::auth::email_verification::UNDO_LIFETIME;
use crate::db::{CodeLimit, LimitCheck, NewFactorChange, RateLimitedMail};
use crate::domain::{Client, Email, FactorChangeKind, UserId};
use crate::mail::MailKind;

/// A change of second factors, with its notification.
pub(super) struct FactorNotice {
    kind: FactorChangeKind,
    email: Email,
    client: Client,
    mail: Option<RateLimitedMail>,
    has_undo: bool,
}

/// How many wrong codes an account may get, with what is noted at the last one.
pub(super) struct AccountCodeLimit {
    checks: Vec<LimitCheck>,
    locked: FactorNotice,
}

impl Auth {
    /// What is noted about a change by a client.
    pub(super) fn factor_notice(
        &self,
        kind: FactorChangeKind,
        email: &Email,
        client: &Client,
    ) -> FactorNotice {
        let is_told = self.settings.accounts.tells(Notification::SecondFactor);
        let mail = mail_of(kind, email).filter(|_| is_told);
        let budget = &self.settings.throttle;
        FactorNotice {
            kind,
            email: email.clone(),
            client: client.clone(),
            has_undo: mail.as_ref().is_some_and(|mail| mail.token().is_some()),
            mail: mail.map(|mail| mail.within_budget(budget, &email.key())),
        }
    }

    /// The limit of wrong codes of an account.
    pub(super) fn account_code_limit(&self, email: &Email, client: &Client) -> AccountCodeLimit {
        AccountCodeLimit {
            checks: code_limit(&self.settings.throttle, &email.key()),
            locked: self.factor_notice(FactorChangeKind::Locked, email, client),
        }
    }
}

impl FactorNotice {
    /// As the database takes it.
    pub(super) fn change(&self) -> NewFactorChange<'_> {
        NewFactorChange {
            kind: self.kind,
            email: &self.email,
            client: &self.client,
            notice: self.mail.as_ref(),
            undo: self.has_undo.then_some(UNDO_LIFETIME),
        }
    }
}

impl AccountCodeLimit {
    /// As the database takes it.
    pub(super) fn limit(&self) -> CodeLimit<'_> {
        CodeLimit {
            checks: &self.checks,
            locked: self.locked.change(),
        }
    }
}

fn mail_of(kind: FactorChangeKind, email: &Email) -> Option<MailKind> {
    let to = email.clone();
    let is_passkey = matches!(
        kind,
        FactorChangeKind::PasskeyAdded | FactorChangeKind::PasskeyRemoved
    );
    match kind {
        FactorChangeKind::TotpAdded | FactorChangeKind::PasskeyAdded => {
            Some(MailKind::SecondFactorAdded { to, is_passkey })
        }
        FactorChangeKind::TotpRemoved | FactorChangeKind::PasskeyRemoved => {
            Some(MailKind::SecondFactorRemoved {
                to,
                by_operator: false,
                is_passkey,
            })
        }
        FactorChangeKind::RecoveryCodesReplaced => Some(MailKind::RecoveryCodesReplaced { to }),
        FactorChangeKind::RecoveryCodeUsed => Some(MailKind::RecoveryCodeUsed),
        FactorChangeKind::Reset => Some(MailKind::SecondFactorRemoved {
            to,
            by_operator: true,
            is_passkey,
        }),
        FactorChangeKind::Locked => Some(MailKind::SecondFactorLocked),
        // The owner gets the mail with which a new password is set.
        FactorChangeKind::Undone => None,
    }
}

/// Logs that an account accepts no code any more.
pub(super) fn log_locked(user: UserId, trail: &AuditTrail, client: &Client) {
    Event::second_factor_locked(user).log(trail, client);
}
