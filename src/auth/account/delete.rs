//! The deletion of an account, by an operator and by its owner.

use crate::auth::audit::Event;
use crate::auth::executor::Executor;
use crate::auth::reauthentication::{Owner, OwnerRequest};
use crate::auth::{Auth, AuthError, Notification};
use crate::db::BudgetedMail;
use crate::domain::{Client, Email, EmailKey, User};
use crate::mail::MailKind;

impl Auth {
    /// Deletes a user and all that hangs on it, its sessions included. Blocks for one
    /// look-up and one write.
    ///
    /// # Errors
    /// [`AuthError::NoResultFound`] if nobody has that email.
    pub fn delete_user(&self, email: impl Into<EmailKey>) -> Result<(), AuthError> {
        let user = self.db.find_user_by(email.into())?;
        self.db.delete_user(user.id)?;
        Event::UserDeleted { user: user.id }.log(&Client::default());
        Ok(())
    }

    /// Deletes the account whose session that is, and all that belongs to it.
    ///
    /// # Errors
    /// [`AuthError::InvalidCredentials`] for another password, and [`AuthError::Changed`] where
    /// the stored one is another, or the session has ended, by the time the account would be
    /// deleted.
    pub async fn delete_account(
        &self,
        executor: &impl Executor,
        request: OwnerRequest,
    ) -> Result<User, AuthError> {
        let (user, client) = (request.owner.id, request.client.clone());
        let reauthenticated = self.reauthenticate(executor, request, Vec::new()).await;
        let deleted = match reauthenticated {
            Ok((owner, permit)) => {
                drop(permit);
                let reservation = owner.reservation();
                let delete = move |auth: &Self| auth.delete_with_notices(owner);
                let deleted = executor.write(self, &client, delete).await;
                deleted.inspect_err(|cause| self.refund_if_ours(&reservation, cause))
            }
            Err(cause) => Err(cause),
        };
        match &deleted {
            Ok(_) => Event::UserDeleted { user },
            Err(cause) => Event::ReauthenticationFailed { user, cause },
        }
        .log(&client);
        deleted
    }

    fn delete_with_notices(&self, owner: Owner) -> Result<User, AuthError> {
        let notices = self.account_deleted(&owner.user)?;
        let settlement = owner.settlement(self);
        let deleted = self.db.delete_account(&owner.who(), &settlement, &notices);
        owner.written(deleted)?;
        self.wake_mails();
        Ok(owner.user)
    }

    /// What the owner of an account is told of its end: at its address, and at those that it
    /// had before and that could still take it back.
    fn account_deleted(&self, user: &User) -> Result<Vec<BudgetedMail>, AuthError> {
        if !self.settings.notices.tell(Notification::AccountDeleted) {
            return Ok(Vec::new());
        }
        let now = self.db.clock().now();
        let mut to = vec![user.email.clone()];
        for former in self.db.former_emails_of(user.id)? {
            let email = Email::from_stored(former.email);
            if former.expires_at > now && to.iter().all(|known| known.key() != email.key()) {
                to.push(email);
            }
        }
        let notice = |to: Email| {
            let new = Some(&user.email).filter(|new| new.key() != to.key());
            let (key, new) = (to.key(), new.cloned());
            MailKind::AccountDeleted { to, new }.within_budget(&self.settings.throttle, &key)
        };
        Ok(to.into_iter().map(notice).collect())
    }
}
