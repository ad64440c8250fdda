//! The tables `apps` and `app_groups`: the applications behind a proxy, and their groups.

use diesel::prelude::*;

use super::groups;
use crate::db::connection::AnyConnection;
use crate::db::schema::{app_groups, apps};
use crate::db::{DB, DbError};
use crate::domain::{App, AppName, GroupName, Origin};

/// The outcome of registering an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppAddition {
    /// It is registered.
    Added,
    /// The name or the origin is that of this application.
    Exists(AppName),
    /// There is no such group.
    UnknownGroup(GroupName),
}

/// The outcome of changing the groups of an application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppGroupsChange {
    /// The application has these groups, and no other.
    Changed,
    /// There is no such application.
    UnknownApp,
    /// There is no such group.
    UnknownGroup(GroupName),
}

impl DB {
    /// Registers an application with its groups, each once. All or nothing; blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn add_app(&self, app: &App) -> Result<AppAddition, DbError> {
        self.write(|conn| {
            let taken: Option<String> = apps::table
                .filter(apps::name.eq(app.name.as_str()))
                .select(apps::name)
                .get_result(conn)
                .optional()?;
            if let Some(name) = taken.or(name_at(conn, &app.origin)?) {
                return Ok(AppAddition::Exists(AppName::from_stored(name)));
            }
            for group in &app.groups {
                if !groups::exists(conn, group)? {
                    return Ok(AppAddition::UnknownGroup(group.clone()));
                }
            }
            diesel::insert_into(apps::table)
                .values((
                    apps::name.eq(app.name.as_str()),
                    apps::origin.eq(app.origin.as_str()),
                    apps::second_factor.eq(i64::from(app.second_factor)),
                ))
                .execute(conn)?;
            insert_groups(conn, &app.name, &app.groups)?;
            Ok(AppAddition::Added)
        })
    }

    /// Replaces the groups of an application, each once. All or nothing; blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn set_app_groups(
        &self,
        name: &AppName,
        groups: &[GroupName],
    ) -> Result<AppGroupsChange, DbError> {
        self.write(|conn| {
            // It changes nothing, and locks the row until the groups are changed.
            let app = apps::table.filter(apps::name.eq(name.as_str()));
            let lock = diesel::update(app).set(apps::name.eq(name.as_str()));
            if lock.execute(conn)? == 0 {
                return Ok(AppGroupsChange::UnknownApp);
            }
            for group in groups {
                if !groups::exists(conn, group)? {
                    return Ok(AppGroupsChange::UnknownGroup(group.clone()));
                }
            }
            let old = app_groups::table.filter(app_groups::app_name.eq(name.as_str()));
            diesel::delete(old).execute(conn)?;
            insert_groups(conn, name, groups)?;
            Ok(AppGroupsChange::Changed)
        })
    }

    /// A page of the applications by their names, with their groups: at most `limit`, from the one
    /// after `after` on. Blocks for a lookup, and for two for each.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn apps(&self, after: Option<&AppName>, limit: u32) -> Result<Vec<App>, DbError> {
        let after = after.map_or("", AppName::as_str);
        let names: Vec<String> = self.read(|conn| {
            apps::table
                .filter(apps::name.gt(after))
                .order(apps::name)
                .select(apps::name)
                .limit(i64::from(limit))
                .load(conn)
        })?;
        let names = names.into_iter().map(AppName::from_stored);
        names.map(|name| self.app(&name)).collect()
    }

    /// The application of a name, with its groups. Blocks for two lookups.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if there is no such application.
    pub fn app(&self, name: &AppName) -> Result<App, DbError> {
        let (row, groups): (Option<(String, i64)>, Vec<String>) = self.read(|conn| {
            let row = apps::table
                .filter(apps::name.eq(name.as_str()))
                .select((apps::origin, apps::second_factor))
                .get_result(conn)
                .optional()?;
            let groups = app_groups::table
                .filter(app_groups::app_name.eq(name.as_str()))
                .order(app_groups::group_name)
                .select(app_groups::group_name)
                .load(conn)?;
            QueryResult::Ok((row, groups))
        })?;
        let (origin, second_factor) = row.ok_or(DbError::NoResultFound)?;
        Ok(App {
            name: name.clone(),
            origin: Origin::from_stored(origin),
            groups: groups.into_iter().map(GroupName::from_stored).collect(),
            second_factor: second_factor != 0,
        })
    }

    /// Whether an application is registered at an origin. Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn is_app(&self, origin: &Origin) -> Result<bool, DbError> {
        Ok(self.read(|conn| name_at(conn, origin))?.is_some())
    }

    /// The application at an origin, with its groups. Blocks for one to three lookups.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn app_at(&self, origin: &Origin) -> Result<Option<App>, DbError> {
        let name = self.read(|conn| name_at(conn, origin))?;
        match name.map(AppName::from_stored).map(|name| self.app(&name)) {
            Some(Ok(app)) => Ok(Some(app)),
            Some(Err(DbError::NoResultFound)) | None => Ok(None),
            Some(Err(error)) => Err(error),
        }
    }

    /// Removes an application, with the logins on its host. Returns whether it was registered.
    /// Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn remove_app(&self, name: &AppName) -> Result<bool, DbError> {
        self.write(|conn| {
            let app = apps::table.filter(apps::name.eq(name.as_str()));
            Ok(diesel::delete(app).execute(conn)? > 0)
        })
    }
}

fn insert_groups(
    conn: &mut AnyConnection,
    name: &AppName,
    groups: &[GroupName],
) -> Result<(), DbError> {
    for group in groups {
        diesel::insert_into(app_groups::table)
            .values((
                app_groups::app_name.eq(name.as_str()),
                app_groups::group_name.eq(group.as_str()),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// The name of the application at an origin.
pub(super) fn name_at(
    conn: &mut AnyConnection,
    origin: &Origin,
) -> Result<Option<String>, DbError> {
    Ok(apps::table
        .filter(apps::origin.eq(origin.as_str()))
        .select(apps::name)
        .get_result(conn)
        .optional()?)
}
