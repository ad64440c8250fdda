//! What administrators read: users, groups, invitations and applications, page by page.

use super::Administrator;
use crate::auth::{Auth, AuthError, decide};
use crate::db::{DB, DbError, ListedUser, SecondFactors};
use crate::domain::{
    AccessFacts, App, AppName, AppUrl, Email, GroupName, Invitation, SessionInfo, User, UserId,
};

/// Everything that `user show` and the page of a user show.
#[derive(Debug)]
pub struct UserDetails {
    /// The row of the list.
    pub user: ListedUser,
    /// The groups, sorted.
    pub groups: Vec<GroupName>,
    /// The second factors.
    pub second_factors: SecondFactors,
    /// The newest sessions that are valid, newest first.
    pub sessions: Vec<SessionInfo>,
}

impl UserDetails {
    /// Reads a user with at most `sessions` sessions. Blocks for five lookups.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if there is no such user.
    pub fn read(db: &DB, id: UserId, sessions: u32) -> Result<Self, DbError> {
        Ok(Self {
            user: db.listed_user(id)?,
            groups: db.groups_of(id)?,
            second_factors: db.second_factors_of(id)?,
            sessions: db.sessions_of(id, None, None, sessions)?,
        })
    }
}

impl Auth {
    /// Users whose address begins with a text, as [`DB::users_by_email`].
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn users_by_email(
        &self,
        _: &Administrator,
        beginning: &str,
        after: Option<&Email>,
        limit: u32,
    ) -> Result<Vec<ListedUser>, AuthError> {
        Ok(self.db.users_by_email(beginning, after, limit)?)
    }

    /// A user with the newest sessions, as [`UserDetails::read`].
    ///
    /// # Errors
    /// [`AuthError::NoResultFound`] if there is no such user.
    pub fn user_details(
        &self,
        _: &Administrator,
        id: UserId,
        sessions: u32,
    ) -> Result<UserDetails, AuthError> {
        Ok(UserDetails::read(&self.db, id, sessions)?)
    }

    /// The address of a user. Blocks for a lookup.
    ///
    /// # Errors
    /// [`AuthError::NoResultFound`] if there is no such user.
    pub fn email_of(&self, _: &Administrator, id: UserId) -> Result<Email, AuthError> {
        Ok(self.db.find_user_by(id)?.email)
    }

    /// The applications that a user with these groups may open, of the first `limit`. Blocks for
    /// a lookup, and for two for each application.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn apps_open_to(
        &self,
        _: &Administrator,
        groups: &[GroupName],
        limit: u32,
    ) -> Result<Vec<App>, AuthError> {
        let mut apps = self.db.apps(None, limit)?;
        apps.retain(|app| {
            let facts = AccessFacts {
                has_apps: true,
                app: Some(app.clone()),
                groups: groups.to_vec(),
            };
            let url = AppUrl::asked(app.origin.clone(), b"/");
            decide(&facts, Some(&url)).is_ok()
        });
        Ok(apps)
    }

    /// A page of the groups, as [`DB::groups`].
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn groups(
        &self,
        _: &Administrator,
        after: Option<&GroupName>,
        limit: u32,
    ) -> Result<Vec<GroupName>, AuthError> {
        Ok(self.db.groups(after, limit)?)
    }

    /// A page of the members of a group, as [`DB::members_of`].
    ///
    /// # Errors
    /// [`AuthError::NoResultFound`] if there is no such group.
    pub fn group_members(
        &self,
        _: &Administrator,
        group: &GroupName,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<User>, AuthError> {
        if !self.db.has_group(group)? {
            return Err(AuthError::NoResultFound);
        }
        Ok(self.db.members_of(group, after, limit)?)
    }

    /// A page of the invitations, as [`DB::invitations`].
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn invitations(
        &self,
        _: &Administrator,
        after: Option<i64>,
        limit: u32,
    ) -> Result<Vec<Invitation>, AuthError> {
        Ok(self.db.invitations(after, limit)?)
    }

    /// An application, as [`DB::app`].
    ///
    /// # Errors
    /// [`AuthError::NoResultFound`] if there is no such application.
    pub fn app(&self, _: &Administrator, name: &AppName) -> Result<App, AuthError> {
        Ok(self.db.app(name)?)
    }

    /// A page of the applications, as [`DB::apps`].
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn apps(
        &self,
        _: &Administrator,
        after: Option<&AppName>,
        limit: u32,
    ) -> Result<Vec<App>, AuthError> {
        Ok(self.db.apps(after, limit)?)
    }
}
