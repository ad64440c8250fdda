//! A request of the owner for another address.

use crate::auth::audit::Event;
use crate::auth::executor::Executor;
use crate::auth::reauthentication::{Owner, OwnerRequest};
use crate::auth::throttle::email_changes;
use crate::auth::{Auth, AuthError};
use crate::db::Asking;
use crate::domain::{Email, User};
use crate::mail::MailKind;

impl Auth {
    /// Asks a new address whether it is to belong to the account whose session that is. Nothing
    /// changes yet: a mail goes to the address if no account has it, and the token in it makes
    /// the change.
    ///
    /// # Errors
    /// [`AuthError::InvalidCredentials`] for another password, [`AuthError::Throttled`] if the
    /// account has asked too often, and [`AuthError::Changed`] where the stored password is
    /// another, or the session has ended, by the time the mail would be queued.
    pub async fn request_email_change(
        &self,
        executor: &impl Executor,
        request: OwnerRequest,
        new: Email,
    ) -> Result<User, AuthError> {
        let (user, client) = (request.owner.id, request.client.clone());
        let asks = email_changes(&self.settings.throttle, user);
        let reauthenticated = self.reauthenticate(executor, request, asks).await;
        let asked = match reauthenticated {
            Ok((owner, permit)) => {
                drop(permit);
                let reservation = owner.reservation();
                let ask = move |auth: &Self| auth.ask_new_address(owner, &new);
                let asked = executor.write(self, &client, ask).await;
                asked.inspect_err(|cause| self.refund_if_ours(&reservation, cause))
            }
            Err(cause) => Err(cause),
        };
        match &asked {
            Ok(_) => Event::EmailChangeRequested { user },
            Err(cause) => Event::ReauthenticationFailed { user, cause },
        }
        .log(&client);
        asked
    }

    fn ask_new_address(&self, owner: Owner, new: &Email) -> Result<User, AuthError> {
        let throttle = &self.settings.throttle;
        let mail = MailKind::ConfirmEmail { to: new.clone() };
        let asking = Asking {
            mail: &mail.within_budget(throttle, &new.key()),
            limit: &email_changes(throttle, owner.user.id),
            settlement: &owner.settlement(self),
        };
        let asked = self.db.ask_for_email(&owner.who(), &new.key(), &asking);
        owner.written(asked)?;
        self.wake_mails();
        Ok(owner.user)
    }
}
