//! Users with their password hashes, for an export by an operator.

use diesel::prelude::*;

use crate::db::schema::{account_dates, group_members, users, verified_emails};
use crate::db::tables::groups::of_kept_group;
use crate::db::{DB, DbError};
use crate::domain::{Email, GroupName, HashedPassword, UserId};

/// A user with everything that another system can import.
#[derive(Debug, Clone)]
pub struct UserToExport {
    /// The id.
    pub id: UserId,
    /// The address.
    pub email: Email,
    /// The stored password.
    pub hashed_password: HashedPassword,
    /// Whether the address is verified.
    pub is_verified: bool,
    /// Whether the account is disabled.
    pub is_disabled: bool,
    /// When the user registered, in seconds since 1970, if known.
    pub created_at: Option<i64>,
    /// The groups, sorted.
    pub groups: Vec<GroupName>,
}

type Row = (
    (i64, String, String, String),
    (Option<i64>, Option<i64>),
    Option<String>,
);

impl DB {
    /// Reads at most `limit` users after the id `after`, in the order of ids. Blocks for two
    /// lookups.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn users_to_export(
        &self,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<UserToExport>, DbError> {
        let after = after.map_or(i64::MIN, UserId::get);
        let rows: Vec<Row> = self.read(|conn| {
            // Else PostgreSQL would read the joined tables from their beginning for each page.
            let of_dates = account_dates::user_id.eq(users::id);
            let of_address = verified_emails::user_id.eq(users::id);
            users::table
                .left_join(account_dates::table.on(of_dates.and(account_dates::user_id.gt(after))))
                .left_join(
                    verified_emails::table.on(of_address.and(verified_emails::user_id.gt(after))),
                )
                .filter(users::id.gt(after))
                .order(users::id)
                .limit(i64::from(limit))
                .select((
                    (
                        users::id,
                        users::email,
                        users::email_key,
                        users::hashed_password,
                    ),
                    (
                        account_dates::created_at.nullable(),
                        account_dates::disabled_at.nullable(),
                    ),
                    verified_emails::email_key.nullable(),
                ))
                .load(conn)
        })?;
        let ids: Vec<i64> = rows.iter().map(|((id, ..), ..)| *id).collect();
        let members: Vec<(i64, String)> = self.read(|conn| {
            group_members::table
                .filter(group_members::user_id.eq_any(ids.clone()))
                .filter(of_kept_group())
                .order((group_members::user_id, group_members::group_name))
                .select((group_members::user_id, group_members::group_name))
                .load(conn)
        })?;
        let groups_of = |id: i64| {
            let first = members.partition_point(|(member, _)| *member < id);
            let mine = members
                .iter()
                .skip(first)
                .take_while(|(member, _)| *member == id);
            mine.map(|(_, name)| GroupName::from_stored(name.as_str()))
                .collect()
        };
        let users = rows.into_iter().map(|row| {
            let ((id, email, key, hash), (created_at, disabled_at), verified) = row;
            UserToExport {
                id: UserId::new(id),
                email: Email::from_stored(email),
                hashed_password: HashedPassword::from_stored(hash),
                is_verified: verified.is_some_and(|verified| verified == key),
                is_disabled: disabled_at.is_some(),
                created_at,
                groups: groups_of(id),
            }
        });
        Ok(users.collect())
    }
}
