//! The acts of administrators, each with its audit event.

use super::create_invitation;
use super::invitation::{Invited, NewInvitation};
use crate::auth::audit::Event;
use crate::auth::{ActRefusal, Auth, AuthError};
use crate::db::{AppAddition, AppGroupsChange, DbError, GroupDeletion, MailRequestOutcome};
use crate::domain::{Actor, App, AppName, Client, Email, GroupName, USER_DELETED, User, UserId};
use crate::mail::{InvitationMail, MailKind};

/// An act of an administrator.
#[derive(Debug, Clone)]
pub enum AdminAct {
    /// Disable a user.
    Disable(UserId),
    /// Enable a disabled user.
    Enable(UserId),
    /// End all sessions of a user.
    EndSessions(UserId),
    /// Send a user a link that sets a new password.
    SendResetLink(UserId),
    /// Remove the second factors of a user, and end all sessions.
    ResetSecondFactor(UserId),
    /// Delete a user with all their data, if this is the user's address.
    Delete(UserId, Email),
    /// Create a group.
    CreateGroup(GroupName),
    /// Delete a group that no application lists.
    DeleteGroup(GroupName),
    /// Add the user with this address to a group.
    AddMember(GroupName, Email),
    /// Remove a user from a group.
    RemoveMember(GroupName, UserId),
    /// Create an invitation.
    Invite(NewInvitation),
    /// Revoke the invitation of a number.
    RevokeInvitation(i64),
    /// Register an application.
    AddApp(App),
    /// Let the members of these groups open an application, or every user if there are none.
    SetAppGroups(AppName, Vec<GroupName>),
    /// Remove an application.
    RemoveApp(AppName),
}

/// The outcome of an act.
#[derive(Debug)]
pub enum ActOutcome {
    /// It is done.
    Done,
    /// Everything was so already, so that nothing was changed or logged.
    Unchanged,
    /// An invitation, with the token of its link, and whether an email with it is being sent.
    Invited(Invited, bool),
}

impl Auth {
    /// Carries out an act of the administrator `by`. Blocks for lookups and writes.
    pub(super) fn carry_out(
        &self,
        act: &AdminAct,
        by: UserId,
        client: &Client,
    ) -> Result<ActOutcome, AuthError> {
        let db = &self.db;
        let event = |event: &'static str, message| Event::by_administrator(event, message, by);
        let mut outcome = ActOutcome::Done;
        let done = match act {
            AdminAct::Disable(user) => {
                let user = self.other_user(*user, by)?;
                let event = event("user_disabled", "user disabled").user(user.id);
                db.disable_user(user.id)?.then_some(event)
            }
            AdminAct::Enable(user) => {
                let user = self.user(*user)?;
                let event = event("user_enabled", "user enabled").user(user.id);
                db.enable_user(user.id)?.then_some(event)
            }
            AdminAct::EndSessions(user) => {
                let user = self.user(*user)?;
                let ended = db.end_sessions_of_user(user.id)?;
                let event = event("session_ended", "sessions ended").user(user.id);
                Some(event.count(ended))
            }
            AdminAct::SendResetLink(user) => {
                let user = self.user(*user)?;
                self.queue_reset_link(&user)?;
                let event = event("authn_password_reset", "reset link sent");
                Some(event.user(user.id))
            }
            AdminAct::ResetSecondFactor(user) => {
                let user = self.other_user(*user, by)?;
                let reset = self.reset_second_factors(Some(&user))?;
                let event = event("authn_second_factor_removed", "second factor removed");
                (!reset.is_empty()).then_some(event.user(user.id))
            }
            AdminAct::Delete(user, typed) => {
                let user = self.other_user(*user, by)?;
                if user.email.key() != typed.key() {
                    return Err(ActRefusal::OtherEmail.into());
                }
                db.delete_user(user.id, Actor::Administrator(by))?;
                // Its row was written with the deletion.
                let event = event(USER_DELETED, "user deleted").user(user.id);
                Some(event.line_only())
            }
            AdminAct::CreateGroup(group) => {
                if !db.create_group(group)? {
                    return Err(ActRefusal::GroupExists.into());
                }
                Some(event("group_created", "group created").group(group))
            }
            AdminAct::DeleteGroup(group) => {
                self.delete_group(group)?;
                Some(event("group_deleted", "group deleted").group(group))
            }
            AdminAct::AddMember(group, email) => {
                let user = db.find_user_by(email).map_err(no_such_user)?;
                let added = db.add_member(group, user.id)?;
                let is_new = added.ok_or_else(|| ActRefusal::NoSuchGroup(group.clone()))?;
                let event = event("group_member_added", "user added to a group");
                is_new.then_some(event.user(user.id).group(group))
            }
            AdminAct::RemoveMember(group, user) => {
                if *user == by && *group == GroupName::admins() {
                    return Err(ActRefusal::OwnAccount.into());
                }
                let event = event("group_member_removed", "user removed from a group");
                let event = event.user(*user).group(group);
                db.remove_member(group, *user)?.then_some(event)
            }
            AdminAct::Invite(new) => {
                let invited = create_invitation(db, new)?;
                let is_mailed = self.mail_invitation(new, &invited);
                outcome = ActOutcome::Invited(invited, is_mailed);
                let event = event("invitation_created", "invitation created");
                Some(event.group(new.group.as_ref()))
            }
            AdminAct::RevokeInvitation(id) => {
                if !db.revoke_invitation(*id)? {
                    return Err(ActRefusal::NoSuchInvitation.into());
                }
                Some(event("invitation_revoked", "invitation revoked"))
            }
            AdminAct::AddApp(app) => {
                self.add_app(app)?;
                Some(event("app_created", "application registered").app(&app.name))
            }
            AdminAct::SetAppGroups(app, groups) => {
                self.set_app_groups(app, groups)?;
                Some(event("app_updated", "groups of an application changed").app(app))
            }
            AdminAct::RemoveApp(app) => {
                if !db.remove_app(app)? {
                    return Err(ActRefusal::NoSuchApp.into());
                }
                Some(event("app_deleted", "application removed").app(app))
            }
        };
        match done {
            Some(event) => event.log(&self.audit, client),
            None => outcome = ActOutcome::Unchanged,
        }
        Ok(outcome)
    }

    fn user(&self, id: UserId) -> Result<User, AuthError> {
        self.db.find_user_by(id).map_err(no_such_user)
    }

    /// A user other than the administrator, for acts that would lock the administrator out.
    fn other_user(&self, id: UserId, by: UserId) -> Result<User, AuthError> {
        if id == by {
            return Err(ActRefusal::OwnAccount.into());
        }
        self.user(id)
    }

    fn queue_reset_link(&self, user: &User) -> Result<(), AuthError> {
        let email = user.email.key();
        let mail = MailKind::PasswordReset.within_budget(&self.settings.throttle, &email);
        match self.db.queue_mail_for(&email, &mail, &[], &[])? {
            MailRequestOutcome::Queued(_) => {}
            MailRequestOutcome::QueuedDecoy => return Err(ActRefusal::NoSuchUser.into()),
            MailRequestOutcome::Disabled(_) => return Err(ActRefusal::UserDisabled.into()),
            MailRequestOutcome::OverBudget => return Err(ActRefusal::EnoughMails.into()),
            MailRequestOutcome::Limited(limited) => return Err(limited.into()),
        }
        self.wake_mails();
        Ok(())
    }

    /// Sends the link to the address of an invitation, if it has one and this service sends mails.
    /// Never blocks for long.
    fn mail_invitation(&self, new: &NewInvitation, invited: &Invited) -> bool {
        let (Some(to), Some(mails)) = (&new.email, &self.mails) else {
            return false;
        };
        mails.send_invitation(InvitationMail {
            to: to.clone(),
            token: invited.token,
            days: new.days,
            language: new.language,
        })
    }

    fn delete_group(&self, group: &GroupName) -> Result<(), AuthError> {
        if *group == GroupName::admins() {
            return Err(ActRefusal::GroupOfAdmins.into());
        }
        match self.db.delete_group(group)? {
            GroupDeletion::Deleted => Ok(()),
            GroupDeletion::Unknown => Err(ActRefusal::NoSuchGroup(group.clone()).into()),
            GroupDeletion::InUse(apps) => Err(ActRefusal::GroupInUse(apps).into()),
        }
    }

    fn add_app(&self, app: &App) -> Result<(), AuthError> {
        match self.db.add_app(app)? {
            AppAddition::Added => Ok(()),
            AppAddition::Exists(by) => Err(ActRefusal::AppExists(by).into()),
            AppAddition::UnknownGroup(group) => Err(ActRefusal::NoSuchGroup(group).into()),
        }
    }

    fn set_app_groups(&self, app: &AppName, groups: &[GroupName]) -> Result<(), AuthError> {
        match self.db.set_app_groups(app, groups)? {
            AppGroupsChange::Changed => Ok(()),
            AppGroupsChange::UnknownApp => Err(ActRefusal::NoSuchApp.into()),
            AppGroupsChange::UnknownGroup(group) => Err(ActRefusal::NoSuchGroup(group).into()),
        }
    }
}

fn no_such_user(error: DbError) -> AuthError {
    AuthError::unless_missing(error, ActRefusal::NoSuchUser.into())
}
