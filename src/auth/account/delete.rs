//! Deletion of accounts, by the library or by their owner.

use crate::auth::audit::Event;
use crate::auth::executor::Executor;
use crate::auth::reauthentication::{OwnerRequest, ReauthenticatedUser};
use crate::auth::{Auth, AuthError, Notification};
use crate::db::RateLimitedMail;
use crate::domain::{Actor, Client, Email, Language, NormalizedEmail, User};
use crate::mail::MailKind;

impl Auth {
    /// Deletes a user with all their data. Blocks for one lookup and one write.
    ///
    /// # Errors
    /// [`AuthError::NoResultFound`] if no user has this email.
    pub fn delete_user(&self, email: impl Into<NormalizedEmail>) -> Result<(), AuthError> {
        let user = self.db.find_user_by(email.into())?;
        self.db.delete_user(user.id, Actor::Service)?;
        Event::user_deleted(user.id).log(&self.audit, &Client::default());
        Ok(())
    }

    /// Deletes the account of the session's user with all its data.
    ///
    /// # Errors
    /// [`AuthError::InvalidCredentials`] for a wrong password, and [`AuthError::ConcurrentChange`] if the
    /// password was replaced or the session ended meanwhile.
    pub async fn delete_account(
        &self,
        executor: &impl Executor,
        request: OwnerRequest,
    ) -> Result<User, AuthError> {
        let (user, client) = (request.owner.id, request.client.clone());
        let delete = |auth: &Self, owner: &ReauthenticatedUser| auth.delete_with_notices(owner);
        let deleted = self.as_owner(executor, request, Vec::new(), delete).await;
        match &deleted {
            Ok(_) => Event::user_deleted(user),
            Err(cause) => Event::reauthentication_failed(user, cause),
        }
        .log(&self.audit, &client);
        deleted
    }

    fn delete_with_notices(&self, owner: &ReauthenticatedUser) -> Result<User, AuthError> {
        let notices = self.account_deleted(&owner.user, owner.client().language())?;
        let side_effects = owner.claim_side_effects(self);
        let deleted = self
            .db
            .delete_account(&owner.who(), &side_effects, &notices);
        owner.written(deleted)?;
        self.wake_mails();
        Ok(owner.user.clone())
    }

    /// The notifications about a deletion: to the address of the account, and to former addresses
    /// that could still take it back.
    fn account_deleted(
        &self,
        user: &User,
        language: Option<Language>,
    ) -> Result<Vec<RateLimitedMail>, AuthError> {
        if !self.settings.accounts.tells(Notification::AccountDeleted) {
            return Ok(Vec::new());
        }
        let now = self.db.clock().now();
        let mut to = vec![user.email.clone()];
        for former in self.db.previous_emails_of(user.id)? {
            let email = Email::from_stored(former.email);
            if former.expires_at > now && to.iter().all(|known| known.key() != email.key()) {
                to.push(email);
            }
        }
        let notice = |to: Email| {
            let new = Some(&user.email).filter(|new| new.key() != to.key());
            let (key, new) = (to.key(), new.cloned());
            let notice = MailKind::AccountDeleted { to, new, language };
            notice.within_budget(&self.settings.throttle, &key)
        };
        Ok(to.into_iter().map(notice).collect())
    }
}
