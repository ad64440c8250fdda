//! Queues mails: the row in the outbox, and the rate limits of mails of a kind to an address.

use crate::auth::throttle::{ThrottleSettings, mail_budget, notification_budget};
use crate::db::{QueuedMail, RateLimitedMail};
use crate::domain::NormalizedEmail;
use crate::mail::{MailKind, MailToken};

impl MailKind {
    /// The row of the message.
    pub(in crate::auth) fn row(&self) -> QueuedMail {
        QueuedMail {
            kind: self.name(),
            details: self.row_details(),
            has_token: match self.token() {
                Some(
                    MailToken::ResetPassword | MailToken::VerifyEmail | MailToken::ChangeEmail(_),
                ) => true,
                // The token that undoes a change is for an owner who has lost the account: nothing
                // that happens in the account ends it.
                Some(
                    MailToken::UndoEmailChange(_)
                    | MailToken::UndoFactorChange(_)
                    | MailToken::Invite,
                )
                | None => false,
            },
        }
    }

    /// The row with the rate limits of mails of its kind to the address.
    pub(in crate::auth) fn within_budget(
        &self,
        settings: &ThrottleSettings,
        to: &NormalizedEmail,
    ) -> RateLimitedMail {
        let budget = match self {
            Self::PasswordChanged
            | Self::AccountDeleted { .. }
            | Self::EmailTakenBack { .. }
            | Self::SecondFactorAdded { .. }
            | Self::SecondFactorRemoved { .. }
            | Self::RecoveryCodesReplaced { .. }
            | Self::RecoveryCodeUsed
            | Self::SecondFactorLocked => notification_budget,
            Self::PasswordReset
            | Self::VerifyEmail
            | Self::ConfirmEmail { .. }
            | Self::EmailChanged { .. }
            | Self::NewDevice { .. }
            | Self::AlreadyRegistered
            | Self::Invitation { .. }
            | Self::Test => mail_budget,
        };
        RateLimitedMail {
            mail: self.row(),
            budget: budget(settings, self.name(), to),
        }
    }
}
