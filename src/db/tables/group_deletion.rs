//! Deletes a group: first it is marked, so that it grants nothing from then on; then its rows are removed, a
//! bounded number at a time.

use std::thread;
use std::time::Duration;

use diesel::prelude::*;

use crate::db::connection::AnyConnection;
use crate::db::connection::statement::{Statement, Value};
use crate::db::schema::{app_groups, group_members, groups};
use crate::db::{DB, DbError};
use crate::domain::{AppName, GroupName, UserId};

/// How many memberships, or invitations, are removed in one transaction.
const BATCH: u32 = 1000;

/// The time after each of these transactions in which others can write.
const PAUSE: Duration = Duration::from_millis(10);

/// The outcome of deleting a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupDeletion {
    /// It is deleted.
    Deleted,
    /// There is no such group.
    Unknown,
    /// These applications list it. Without it they could be open to every user.
    InUse(Vec<AppName>),
}

impl DB {
    /// Deletes a group that no application lists, with its memberships and invitations. It stops
    /// granting access with the first of several writes. If it is interrupted, the next call removes the
    /// rest. Blocks for these writes.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn delete_group(&self, name: &GroupName) -> Result<GroupDeletion, DbError> {
        let now = self.settings.clock.now().seconds();
        let apps = self.write(|conn| {
            let apps = apps_of(conn, name)?;
            if apps.is_empty() {
                let group = groups::table.filter(groups::name.eq(name.as_str()));
                let group = group.filter(groups::deleted_at.is_null());
                diesel::update(group)
                    .set(groups::deleted_at.eq(now))
                    .execute(conn)?;
            }
            Ok(apps)
        })?;
        if !apps.is_empty() {
            return Ok(GroupDeletion::InUse(apps));
        }
        let mut last = None;
        while let Some(removed) = self.remove_members_of_deleted(name, last, BATCH)? {
            last = Some(removed);
            thread::sleep(PAUSE);
        }
        while self.remove_invitations_of_deleted(name, BATCH)? > 0 {
            thread::sleep(PAUSE);
        }
        self.write(|conn| {
            // An application may have got the group in the same moment.
            let apps = apps_of(conn, name)?;
            if !apps.is_empty() {
                return Ok(GroupDeletion::InUse(apps));
            }
            let group = groups::table.filter(groups::name.eq(name.as_str()));
            Ok(match diesel::delete(group).execute(conn)? {
                0 => GroupDeletion::Unknown,
                _ => GroupDeletion::Deleted,
            })
        })
    }

    /// Finishes the deletion of a group that was interrupted. Returns whether there was one. Blocks
    /// for a lookup, and for its writes.
    pub(in crate::db) fn finish_deletion(&self, name: &GroupName) -> Result<bool, DbError> {
        Ok(self.is_group_marked(name)? && self.delete_group(name)? == GroupDeletion::Deleted)
    }

    /// Whether the deletion of a group has begun and not ended. Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn is_group_marked(&self, name: &GroupName) -> Result<bool, DbError> {
        self.read(|conn| is_marked(conn, name))
    }

    /// Removes at most `limit` memberships of a group that is being deleted, those after a user.
    /// Returns the last user of them; none if there were none, or the group is not being deleted.
    /// Blocks for one transaction.
    ///
    /// # Errors
    /// Only if the database fails; then nothing is removed.
    pub fn remove_members_of_deleted(
        &self,
        name: &GroupName,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Option<UserId>, DbError> {
        let after = after.map_or(i64::MIN, UserId::get);
        self.write(|conn| {
            if !is_marked(conn, name)? {
                return Ok(None);
            }
            let members = || {
                group_members::table
                    .filter(group_members::group_name.eq(name.as_str()))
                    .filter(group_members::user_id.gt(after))
            };
            let batch: Vec<i64> = members()
                .order(group_members::user_id)
                .select(group_members::user_id)
                .limit(i64::from(limit))
                .load(conn)?;
            let Some(last) = batch.last() else {
                return Ok(None);
            };
            let batch = members().filter(group_members::user_id.le(*last));
            diesel::delete(batch).execute(conn)?;
            Ok(Some(UserId::new(*last)))
        })
    }

    fn remove_invitations_of_deleted(
        &self,
        name: &GroupName,
        limit: u32,
    ) -> Result<usize, DbError> {
        let remove = "DELETE FROM invitations WHERE id IN \
            (SELECT id FROM invitations WHERE group_name = $1 LIMIT $2)";
        let values = [Value::text(name.as_str()), Value::number(i64::from(limit))];
        self.write(|conn| {
            if !is_marked(conn, name)? {
                return Ok(0);
            }
            Ok(Statement::<()>::new(remove, values.clone()).run(conn)?)
        })
    }
}

fn is_marked(conn: &mut AnyConnection, name: &GroupName) -> Result<bool, DbError> {
    let marked: Option<String> = groups::table
        .filter(groups::name.eq(name.as_str()))
        .filter(groups::deleted_at.is_not_null())
        .select(groups::name)
        .get_result(conn)
        .optional()?;
    Ok(marked.is_some())
}

/// The applications that list a group, sorted.
fn apps_of(conn: &mut AnyConnection, name: &GroupName) -> Result<Vec<AppName>, DbError> {
    let apps: Vec<String> = app_groups::table
        .filter(app_groups::group_name.eq(name.as_str()))
        .order(app_groups::app_name)
        .select(app_groups::app_name)
        .load(conn)?;
    Ok(apps.into_iter().map(AppName::from_stored).collect())
}
