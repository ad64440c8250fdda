//! Requests for a new address of an account.

use crate::auth::audit::Event;
use crate::auth::executor::Executor;
use crate::auth::reauthentication::{OwnerRequest, ReauthenticatedUser};
use crate::auth::throttle::email_changes;
use crate::auth::{Auth, AuthError};
use crate::db::EmailConfirmation;
use crate::domain::{Email, User};
use crate::mail::MailKind;

impl Auth {
    /// Queues a confirmation mail to a new address for the session's user, unless another account
    /// has the address. The token in the mail makes the change.
    ///
    /// # Errors
    /// [`AuthError::InvalidCredentials`] for a wrong password, [`AuthError::RateLimited`] if the
    /// account has requested too many changes, and [`AuthError::ConcurrentChange`] if the password was
    /// replaced or the session ended meanwhile.
    pub async fn request_email_change(
        &self,
        executor: &impl Executor,
        request: OwnerRequest,
        new: Email,
    ) -> Result<User, AuthError> {
        let (user, client) = (request.owner.id, request.client.clone());
        let asks = email_changes(&self.settings.throttle, user);
        let ask = move |auth: &Self, owner: &ReauthenticatedUser| auth.ask_new_address(owner, &new);
        let asked = self.as_owner(executor, request, asks, ask).await;
        match &asked {
            Ok(_) => Event::email_change_requested(user),
            Err(cause) => Event::reauthentication_failed(user, cause),
        }
        .log(&self.audit, &client);
        asked
    }

    fn ask_new_address(&self, owner: &ReauthenticatedUser, new: &Email) -> Result<User, AuthError> {
        let throttle = &self.settings.throttle;
        let mail = MailKind::ConfirmEmail { to: new.clone() };
        let asking = EmailConfirmation {
            mail: &mail.within_budget(throttle, &new.key()),
            limit: &email_changes(throttle, owner.user.id),
            side_effects: &owner.claim_side_effects(self),
        };
        let asked = self.db.ask_for_email(&owner.who(), &new.key(), &asking);
        owner.written(asked)?;
        self.wake_mails();
        Ok(owner.user.clone())
    }
}
