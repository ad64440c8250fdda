//! The tables `groups` and `group_members`: groups of users, and their members.

use diesel::dsl::sql;
use diesel::expression::SqlLiteral;
use diesel::prelude::*;
use diesel::sql_types::Bool;

use crate::db::connection::AnyConnection;
use crate::db::connection::statement::{Statement, Value};
use crate::db::schema::{group_members, groups, users};
use crate::db::tables::users::{COLUMNS, UserRow};
use crate::db::{DB, DbError};
use crate::domain::{GroupName, User, UserId};

impl DB {
    /// Creates a group. Returns whether it is new. Blocks for one write; where the deletion of a group
    /// of this name was interrupted, until that is done.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn create_group(&self, name: &GroupName) -> Result<bool, DbError> {
        Ok(self.insert_group(name)? || self.finish_deletion(name)? && self.insert_group(name)?)
    }

    fn insert_group(&self, name: &GroupName) -> Result<bool, DbError> {
        self.write(|conn| {
            let create = "INSERT INTO groups (name) VALUES ($1) ON CONFLICT DO NOTHING";
            let create: Statement = Statement::new(create, [Value::text(name.as_str())]);
            Ok(create.run(conn)? > 0)
        })
    }

    /// Whether there is such a group. Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn has_group(&self, name: &GroupName) -> Result<bool, DbError> {
        self.read(|conn| exists(conn, name))
    }

    /// Whether a user is in a group. Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn is_member(&self, name: &GroupName, user_id: UserId) -> Result<bool, DbError> {
        self.read(|conn| is_member(conn, name, user_id))
    }

    /// A page of the groups by their names: at most `limit`, from the one after `after` on. Blocks
    /// for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn groups(&self, after: Option<&GroupName>, limit: u32) -> Result<Vec<GroupName>, DbError> {
        let after = after.map_or("", GroupName::as_str);
        let names: Vec<String> = self.read(|conn| {
            groups::table
                .filter(groups::name.gt(after))
                .filter(is_kept())
                .order(groups::name)
                .select(groups::name)
                .limit(i64::from(limit))
                .load(conn)
        })?;
        Ok(names.into_iter().map(GroupName::from_stored).collect())
    }

    /// A page of the members of a group: at most `limit`, from the one after `after` on, in the order
    /// of ids. Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn members_of(
        &self,
        name: &GroupName,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<User>, DbError> {
        let after = after.map_or(i64::MIN, UserId::get);
        let rows: Vec<UserRow> = self.read(|conn| {
            group_members::table
                .inner_join(users::table)
                .filter(group_members::group_name.eq(name.as_str()))
                .filter(group_members::user_id.gt(after))
                // Else PostgreSQL may read the users from the first one for each page.
                .filter(users::id.gt(after))
                .order(group_members::user_id)
                .select(COLUMNS)
                .limit(i64::from(limit))
                .load(conn)
        })?;
        Ok(rows.into_iter().map(User::from).collect())
    }

    /// The groups of a user, sorted. Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn groups_of(&self, user_id: UserId) -> Result<Vec<GroupName>, DbError> {
        let names: Vec<String> = self.read(|conn| {
            group_members::table
                .filter(group_members::user_id.eq(user_id.get()))
                .filter(of_kept_group())
                .order(group_members::group_name)
                .select(group_members::group_name)
                .load(conn)
        })?;
        Ok(names.into_iter().map(GroupName::from_stored).collect())
    }

    /// Adds a user to a group. Returns whether the user is a new member; none if there is no
    /// such group. Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails, or there is no such user.
    pub fn add_member(&self, name: &GroupName, user_id: UserId) -> Result<Option<bool>, DbError> {
        self.write(|conn| {
            if !exists(conn, name)? {
                return Ok(None);
            }
            insert_member(conn, name, user_id).map(Some)
        })
    }

    /// Removes a user from a group. Returns whether the user was a member. Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn remove_member(&self, name: &GroupName, user_id: UserId) -> Result<bool, DbError> {
        self.write(|conn| {
            let member = group_members::table
                .filter(group_members::user_id.eq(user_id.get()))
                .filter(group_members::group_name.eq(name.as_str()));
            Ok(diesel::delete(member).execute(conn)? > 0)
        })
    }
}

/// Whether a group is not being deleted. Not `IS NULL`: without statistics PostgreSQL expects few such
/// rows, and reads the whole table for a page of them.
fn is_kept() -> SqlLiteral<Bool> {
    sql("COALESCE(groups.deleted_at, 0) < 1")
}

/// Whether the group of a row is not being deleted. A lookup for each row on both engines, so that no
/// plan reads all groups.
pub(in crate::db) fn of_kept_group() -> SqlLiteral<Bool> {
    sql("COALESCE((SELECT deleted_at FROM groups WHERE name = group_name), 0) < 1")
}

/// Whether there is such a group.
pub(in crate::db) fn exists(conn: &mut AnyConnection, name: &GroupName) -> Result<bool, DbError> {
    let found: Option<String> = groups::table
        .filter(groups::name.eq(name.as_str()))
        .filter(is_kept())
        .select(groups::name)
        .get_result(conn)
        .optional()?;
    Ok(found.is_some())
}

/// Whether a user is in a group.
pub(in crate::db) fn is_member(
    conn: &mut AnyConnection,
    name: &GroupName,
    user_id: UserId,
) -> Result<bool, DbError> {
    let found: Option<i64> = group_members::table
        .filter(group_members::user_id.eq(user_id.get()))
        .filter(group_members::group_name.eq(name.as_str()))
        .filter(of_kept_group())
        .select(group_members::user_id)
        .get_result(conn)
        .optional()?;
    Ok(found.is_some())
}

/// Adds a user to a group that exists. Returns whether the user is a new member.
pub(in crate::db) fn insert_member(
    conn: &mut AnyConnection,
    name: &GroupName,
    user_id: UserId,
) -> Result<bool, DbError> {
    let insert: Statement = Statement::new(
        "INSERT INTO group_members (user_id, group_name) VALUES ($1, $2) ON CONFLICT DO NOTHING",
        [Value::number(user_id.get()), Value::text(name.as_str())],
    );
    Ok(insert.run(conn)? > 0)
}
