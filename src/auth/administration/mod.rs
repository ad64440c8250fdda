//! Administration in the browser: who may act, and the check before each act.

mod acts;
mod invitation;
mod pages;

pub use acts::{ActOutcome, AdminAct};
pub use invitation::{Invited, NewInvitation, create_invitation};
pub use pages::{UserDetails, members};

use super::audit::Event;
use super::executor::Executor;
use super::reauthentication::{OwnerRequest, ReauthenticatedUser};
use super::{Auth, AuthError};
use crate::domain::{Client, GroupName, Password, SessionId, SessionLevel, SessionUser, UserId};

/// A member of the group `admins`, with a session of the level that such a user needs. Only
/// [`Auth::administrator`] makes one, and everything that administrators read asks for one.
#[derive(Debug, Clone)]
pub struct Administrator {
    session_id: SessionId,
    user: SessionUser,
}

impl Administrator {
    /// The administrator.
    #[must_use]
    pub const fn user(&self) -> &SessionUser {
        &self.user
    }

    /// The session of the request.
    #[must_use]
    pub const fn session_id(&self) -> &SessionId {
        &self.session_id
    }
}

/// An administrator who gives the password again, for one act.
#[derive(Debug, Clone)]
pub struct AdminRequest {
    /// The administrator.
    pub administrator: Administrator,
    /// The password that was given again.
    pub current_password: Password,
    /// The client of the request.
    pub client: Client,
}

impl Auth {
    /// Whether the user of a session is an administrator now. Blocks for a lookup, and for a
    /// second one where the session was opened without a second factor.
    ///
    /// # Errors
    /// [`AuthError::NotAdministrator`] for other users, and [`AuthError::StepUpRequired`] for an
    /// administrator who has a second factor and has not shown it in this session.
    pub fn administrator(
        &self,
        session_id: SessionId,
        user: SessionUser,
    ) -> Result<Administrator, AuthError> {
        if !self.db.is_member(&GroupName::admins(), user.id)? {
            return Err(AuthError::NotAdministrator);
        }
        let is_weak = user.level < SessionLevel::SecondFactor;
        if is_weak && self.db.second_factors_of(user.id)?.is_due() {
            return Err(AuthError::StepUpRequired);
        }
        Ok(Administrator { session_id, user })
    }

    /// Whether a user is in the group of administrators. Blocks for a lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn is_administrator(&self, user_id: UserId) -> Result<bool, AuthError> {
        Ok(self.db.is_member(&GroupName::admins(), user_id)?)
    }

    /// Carries out an act of an administrator who gives the password again.
    ///
    /// # Errors
    /// [`AuthError::InvalidCredentials`] for a wrong password, [`AuthError::ActRefused`] with the
    /// rule, and [`AuthError::ConcurrentChange`] if the password was replaced, the session ended,
    /// or the user ceased to be an administrator meanwhile.
    pub async fn act(
        &self,
        executor: &impl Executor,
        request: AdminRequest,
        act: AdminAct,
    ) -> Result<ActOutcome, AuthError> {
        let AdminRequest {
            administrator,
            current_password,
            client,
        } = request;
        let owner = administrator.user;
        let admin = owner.id;
        let request = OwnerRequest {
            owner,
            session_id: administrator.session_id,
            current_password,
            client: client.clone(),
        };
        let step = move |auth: &Self, owner: &ReauthenticatedUser| {
            auth.record_administrator(owner)?;
            auth.carry_out(&act, &owner.user, owner.client())
        };
        let acted = self.as_administrator(executor, request, step).await;
        if let Err(cause) = &acted {
            Event::act_refused(admin, cause).log(&self.audit, &client);
        }
        acted
    }

    /// Checks under the lock of the account that password, session and membership are still what
    /// they were, and counts the act. Blocks for a write.
    fn record_administrator(&self, owner: &ReauthenticatedUser) -> Result<(), AuthError> {
        let side_effects = owner.side_effects(self);
        let admins = GroupName::admins();
        let recorded = self
            .db
            .record_administrator(&owner.who(), &admins, &side_effects);
        owner.written(recorded)
    }
}
