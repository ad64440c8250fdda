//! Changes of the password by its owner.

use crate::auth::audit::Event;
use crate::auth::executor::Executor;
use crate::auth::reauthentication::{OwnerRequest, ReauthenticatedUser};
use crate::auth::throttle::marks;
use crate::auth::{Auth, AuthError};
use crate::db::{NewSession, PasswordUpdate};
use crate::domain::{HashedPassword, Password, SessionId, User};

/// The result of a change of the password.
#[derive(Debug)]
pub struct PasswordChanged {
    /// The id of a new session, the only one that is left.
    pub session_id: SessionId,
    /// The user.
    pub user: User,
}

impl Auth {
    /// Changes the password of the session's user: stores the new one, ends all sessions, and
    /// opens a new one.
    ///
    /// # Errors
    /// [`AuthError::PasswordPolicyError`] before the current password is checked,
    /// [`AuthError::InvalidCredentials`] if that is wrong, and [`AuthError::ConcurrentChange`] if it was
    /// replaced or the session ended meanwhile.
    pub async fn change_password(
        &self,
        executor: &impl Executor,
        request: OwnerRequest,
        new: Password,
    ) -> Result<PasswordChanged, AuthError> {
        let (user, client) = (request.owner.id, request.client.clone());
        let changed = self.try_change_password(executor, request, new).await;
        match &changed {
            Ok(PasswordChanged { session_id, .. }) => {
                Event::password_changed(user, Some(&session_id.digest())).log(&self.audit, &client);
            }
            Err(cause) => Event::reauthentication_failed(user, cause).log(&self.audit, &client),
        }
        changed
    }

    async fn try_change_password(
        &self,
        executor: &impl Executor,
        request: OwnerRequest,
        new: Password,
    ) -> Result<PasswordChanged, AuthError> {
        self.settings.accept(&new, Some(&request.owner.email))?;
        let reauthenticated = self.reauthenticate(executor, request, Vec::new());
        let (owner, mut permit) = reauthenticated.await?;
        let (client, reservation) = (owner.client().clone(), owner.reservation().clone());
        let hashed = permit.hash(new, self.settings.passwords.bcrypt_cost).await;
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
        owner: ReauthenticatedUser,
        hashed: &HashedPassword,
    ) -> Result<PasswordChanged, AuthError> {
        let session_id = SessionId::generate();
        let new = NewSession {
            user_id: owner.user.id,
            digest: &session_id.digest(),
            client: owner.client(),
            level: owner.level,
        };
        let replaced = PasswordUpdate {
            hashed_password: hashed,
            session: &new,
            side_effects: &owner.claim_side_effects(self),
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
