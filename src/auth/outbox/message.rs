//! How a mail is queued: its row in the outbox, and how many of its kind an address gets.

use crate::auth::throttle::{ThrottleSettings, mail_budget, notification_budget};
use crate::db::{BudgetedMail, NewMail};
use crate::domain::EmailKey;
use crate::mail::{MailKind, MailToken};

/// What is counted instead of a mail where a registration is concealed and no owner is notified.
pub(in crate::auth) const NOTHING_TOLD: &str = "registered";

impl MailKind {
    /// The row that it is.
    pub(in crate::auth) fn row(&self) -> NewMail {
        NewMail {
            letter: self.name(),
            details: self.row_details(),
            has_token: match self.token() {
                Some(
                    MailToken::ResetPassword | MailToken::VerifyEmail | MailToken::ChangeEmail(_),
                ) => true,
                // The token that undoes a change is for an owner who has lost the account: nothing
                // that happens in the account ends it.
                Some(MailToken::UndoEmailChange(_)) | None => false,
            },
        }
    }

    /// The row, to be queued only while the address is within the budget of this kind.
    pub(in crate::auth) fn within_budget(
        &self,
        settings: &ThrottleSettings,
        to: &EmailKey,
    ) -> BudgetedMail {
        let budget = match self {
            Self::PasswordChanged
            | Self::AccountDeleted { .. }
            | Self::EmailTakenBack { .. }
            | Self::SecondFactorAdded
            | Self::SecondFactorRemoved { .. }
            | Self::RecoveryCodesReplaced
            | Self::RecoveryCodeUsed => notification_budget,
            Self::PasswordReset
            | Self::VerifyEmail
            | Self::ConfirmEmail { .. }
            | Self::EmailChanged { .. }
            | Self::NewDevice { .. }
            | Self::AlreadyRegistered
            | Self::Test => mail_budget,
        };
        BudgetedMail {
            mail: self.row(),
            budget: budget(settings, self.name(), to),
        }
    }
}
