//! A change of the password by its owner.

use crate::auth::audit::Event;
use crate::auth::executor::Executor;
use crate::auth::reauthentication::{Owner, OwnerRequest};
use crate::auth::throttle::marks;
use crate::auth::{Auth, AuthError, HashJob};
use crate::db::{NewSession, Replaced};
use crate::domain::{HashedPassword, Password, SessionId, User};

/// What a change of password ends with.
#[derive(Debug)]
pub struct PasswordChanged {
    /// The one session that is left, a new one.
    pub session_id: SessionId,
    /// Whose password it is.
    pub user: User,
}

impl Auth {
    /// Changes the password of the account whose session that is: stores the new one, ends all
    /// sessions, and opens a new one.
    ///
    /// # Errors
    /// [`AuthError::PasswordRefused`] before anything is checked,
    /// [`AuthError::InvalidCredentials`] for another current password, and
    /// [`AuthError::Changed`] where the stored one is another, or the session has ended, by
    /// the time the new one is written.
    pub async fn change_password(
        &self,
        executor: &impl Executor,
        request: OwnerRequest,
        new: Password,
    ) -> Result<PasswordChanged, AuthError> {
        let (user, client) = (request.owner.id, request.client.clone());
        let changed = self.try_change_password(executor, request, new).await;
        match &changed {
            Ok(PasswordChanged { session_id, .. }) => Event::PasswordChanged {
                user,
                session: Some(&session_id.digest()),
            }
            .log(&client),
            Err(cause) => Event::ReauthenticationFailed { user, cause }.log(&client),
        }
        changed
    }

    async fn try_change_password(
        &self,
        executor: &impl Executor,
        request: OwnerRequest,
        new: Password,
    ) -> Result<PasswordChanged, AuthError> {
        self.settings.accept(&new, &request.owner.email)?;
        let hashing = HashJob::new(new, self.settings.bcrypt_cost)?;
        let reauthenticated = self.reauthenticate(executor, request, Vec::new());
        let (owner, mut permit) = reauthenticated.await?;
        let (client, reservation) = (owner.client().clone(), owner.reservation());
        let hashed = match permit.run(hashing).await {
            Ok(hashed) => hashed,
            Err(error) => Err(error),
        };
        drop(permit);
        let changed = match hashed {
            Ok(hashed) => {
                let replace = move |auth: &Self| auth.replace_password(owner, &hashed);
                executor.write(self, &client, replace).await
            }
            Err(error) => Err(error.into()),
        };
        changed.inspect_err(|cause| self.refund_if_ours(&reservation, cause))
    }

    fn replace_password(
        &self,
        owner: Owner,
        hashed: &HashedPassword,
    ) -> Result<PasswordChanged, AuthError> {
        let session_id = SessionId::generate();
        let new = NewSession {
            user_id: owner.user.id,
            digest: &session_id.digest(),
            client: owner.client(),
            level: owner.level,
        };
        let replaced = Replaced {
            hashed_password: hashed,
            session: &new,
            settlement: &owner.settlement(self),
            client_marks: &marks(owner.client()),
            notice: self.password_changed(&owner.user.email),
        };
        let stored = self.db.replace_password(&owner.who(), &replaced);
        owner.written(stored)?;
        self.wake_mails();
        Ok(PasswordChanged {
            session_id,
            user: owner.user,
        })
    }
}
