//! Administration in the browser: who may act, and the check before each act.

mod acts;
mod invitation;
mod pages;
mod passkey;

pub use acts::{ActOutcome, AdminAct};
pub use invitation::{Invited, NewInvitation, create_invitation};
pub use pages::UserDetails;

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
    has_passkey: bool,
}

impl Administrator {
    /// The administrator.
    #[must_use]
    pub const fn user(&self) -> &SessionUser {
        &self.user
    }

    /// Whether the administrator has a passkey for this service.
    #[must_use]
    pub const fn has_passkey(&self) -> bool {
        self.has_passkey
    }

    /// The session of the request.
    #[must_use]
    pub const fn session_id(&self) -> &SessionId {
        &self.session_id
    }
}

/// What an administrator gives for one act.
#[derive(Debug, Clone)]
pub enum AdminProof {
    /// The password, given again.
    Password(Password),
    /// The JSON of a passkey, whose authenticator has verified its user.
    Passkey(String),
}

/// An administrator who authenticates again, for one act.
#[derive(Debug, Clone)]
pub struct AdminRequest {
    /// The administrator.
    pub administrator: Administrator,
    /// The password or the passkey.
    pub proof: AdminProof,
    /// The client of the request.
    pub client: Client,
}

impl Auth {
    /// Whether the user of a session is an administrator now. Blocks for a lookup, for one where the
    /// session was opened without a second factor, and for one where passkeys can be used.
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
        let has_passkey = match &self.settings.relying_party {
            Some(party) => !self.db.passkeys_for(user.id, party.id())?.is_empty(),
            None => false,
        };
        Ok(Administrator {
            session_id,
            user,
            has_passkey,
        })
    }

    /// Whether a user is in the group of administrators. Blocks for a lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn is_administrator(&self, user_id: UserId) -> Result<bool, AuthError> {
        Ok(self.db.is_member(&GroupName::admins(), user_id)?)
    }

    /// Carries out an act of an administrator who authenticates again.
    ///
    /// # Errors
    /// [`AuthError::InvalidCredentials`] for a wrong password, [`AuthError::InvalidPasskey`] for
    /// a wrong passkey, [`AuthError::ActRefused`] with the rule, and [`AuthError::ConcurrentChange`] if the password was replaced, the session ended,
    /// or the user ceased to be an administrator meanwhile.
    pub async fn act(
        &self,
        executor: &impl Executor,
        request: AdminRequest,
        act: AdminAct,
    ) -> Result<ActOutcome, AuthError> {
        let AdminRequest {
            administrator,
            proof,
            client,
        } = request;
        let admin = administrator.user.id;
        let acted = match proof {
            AdminProof::Password(password) => {
                let request = OwnerRequest {
                    owner: administrator.user,
                    session_id: administrator.session_id,
                    current_password: password,
                    client: client.clone(),
                };
                let step = move |auth: &Self, owner: &ReauthenticatedUser| {
                    auth.record_administrator(owner)?;
                    auth.carry_out(&act, owner.user.id, owner.client())
                };
                self.as_administrator(executor, request, step).await
            }
            AdminProof::Passkey(credential) => {
                self.act_with_passkey(executor, &administrator, &credential, &client, act)
                    .await
            }
        };
        if let Err(cause) = &acted {
            Event::act_refused(admin, cause).log(&self.audit, &client);
        }
        acted
    }

    /// Checks under the lock of the account that password, session and membership are still what
    /// they were, and counts the act. Blocks for a write.
    fn record_administrator(&self, owner: &ReauthenticatedUser) -> Result<(), AuthError> {
        let side_effects = owner.claim_side_effects(self);
        let admins = GroupName::admins();
        let recorded = self
            .db
            .record_administrator(&owner.who(), &admins, &side_effects);
        owner.written(recorded)
    }
}
