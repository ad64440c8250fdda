//! The table `account_dates`: when accounts were registered, last used and disabled, and the
//! language of their owners.

use std::collections::HashSet;

use diesel::prelude::*;

use crate::db::connection::AnyConnection;
use crate::db::connection::statement::{Statement, Value};
use crate::db::schema::{account_dates, passkeys, totp, users, verified_emails};
use crate::db::{DB, DbError};
use crate::domain::{AccountDates, Email, Language, Timestamp, UserId};

const NOTE_LOGIN: &str = "\
    INSERT INTO account_dates (user_id, last_login_at, language) VALUES ($1, $2, $3) \
    ON CONFLICT (user_id) DO UPDATE SET last_login_at = excluded.last_login_at, \
        language = COALESCE(excluded.language, account_dates.language)";

/// `created_at`, `last_login_at`, `disabled_at`.
type Row = (Option<i64>, Option<i64>, Option<i64>);

/// A user in an operator's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedUser {
    /// The id.
    pub id: UserId,
    /// The address.
    pub email: Email,
    /// The dates of the account.
    pub dates: AccountDates,
    /// When the authenticator app was added, if there is one.
    pub totp: Option<Timestamp>,
    /// Whether there is a passkey.
    pub has_passkeys: bool,
    /// Whether the address is verified.
    pub is_email_verified: bool,
}

/// The columns of a [`ListedUser`]: id, email, its key, dates, totp, verified key.
type ListedRow = (
    i64,
    String,
    Option<String>,
    Row,
    Option<i64>,
    Option<String>,
);

impl DB {
    /// The dates of an account; all are unknown for one without a row. Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn account_dates(&self, user_id: UserId) -> Result<AccountDates, DbError> {
        let row: Option<Row> = self.read(|conn| {
            account_dates::table
                .filter(account_dates::user_id.eq(user_id.get()))
                .select((
                    account_dates::created_at,
                    account_dates::last_login_at,
                    account_dates::disabled_at,
                ))
                .get_result(conn)
                .optional()
        })?;
        Ok(row.map(dates).unwrap_or_default())
    }

    /// The language of an account's owner; none if it is unknown. Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn language_of(&self, user_id: UserId) -> Result<Option<Language>, DbError> {
        let tag: Option<Option<String>> = self.read(|conn| {
            account_dates::table
                .filter(account_dates::user_id.eq(user_id.get()))
                .select(account_dates::language)
                .get_result(conn)
                .optional()
        })?;
        Ok(tag.flatten().and_then(|tag| Language::of_tag(&tag)))
    }

    /// Reads at most `limit` users after the id `after`, in the order of ids. Blocks for two
    /// lookups.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn users_after(
        &self,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<ListedUser>, DbError> {
        let rows: Vec<ListedRow> = self.read(|conn| {
            users::table
                .left_join(account_dates::table)
                .left_join(totp::table)
                .left_join(verified_emails::table)
                .filter(users::id.gt(after.map_or(i64::MIN, UserId::get)))
                .order(users::id)
                .limit(i64::from(limit))
                .select((
                    users::id,
                    users::email,
                    users::email_key.nullable(),
                    (
                        account_dates::created_at.nullable(),
                        account_dates::last_login_at.nullable(),
                        account_dates::disabled_at.nullable(),
                    ),
                    totp::confirmed_at.nullable(),
                    verified_emails::email_key.nullable(),
                ))
                .load(conn)
        })?;
        let ids: Vec<i64> = rows.iter().map(|(id, ..)| *id).collect();
        let holders: HashSet<i64> = self.read(|conn| {
            let holders: Vec<i64> = passkeys::table
                .filter(passkeys::user_id.eq_any(&ids))
                .select(passkeys::user_id)
                .load(conn)?;
            QueryResult::Ok(holders.into_iter().collect())
        })?;
        let user = |(id, email, key, row, totp, verified): ListedRow| ListedUser {
            has_passkeys: holders.contains(&id),
            id: UserId::new(id),
            email: Email::from_stored(email),
            dates: dates(row),
            totp: totp.map(Timestamp::from_seconds),
            is_email_verified: verified.is_some() && verified == key,
        };
        Ok(rows.into_iter().map(user).collect())
    }
}

/// Whether an account is disabled. Everything that gives access checks this, or has the condition
/// in its own statement, after it has locked the user's row.
pub(in crate::db) fn is_disabled(
    conn: &mut AnyConnection,
    user_id: UserId,
) -> Result<bool, DbError> {
    let disabled_at: Option<Option<i64>> = account_dates::table
        .filter(account_dates::user_id.eq(user_id.get()))
        .select(account_dates::disabled_at)
        .get_result(conn)
        .optional()?;
    Ok(disabled_at.flatten().is_some())
}

fn dates((created_at, last_login_at, disabled_at): Row) -> AccountDates {
    AccountDates {
        created_at: created_at.map(Timestamp::from_seconds),
        last_login_at: last_login_at.map(Timestamp::from_seconds),
        disabled_at: disabled_at.map(Timestamp::from_seconds),
    }
}

/// Records a registration, within the transaction that adds the user.
pub(in crate::db) fn note_registration(
    conn: &mut AnyConnection,
    user_id: UserId,
    language: Option<Language>,
    now: Timestamp,
) -> Result<(), DbError> {
    diesel::insert_into(account_dates::table)
        .values((
            account_dates::user_id.eq(user_id.get()),
            account_dates::created_at.eq(now.seconds()),
            account_dates::language.eq(language.map(Language::tag)),
        ))
        .execute(conn)?;
    Ok(())
}

/// The statement that records a login, for the transaction that adds the session.
pub(in crate::db) fn login_noted(
    user_id: UserId,
    language: Option<Language>,
    now: Timestamp,
) -> Statement {
    Statement::new(
        NOTE_LOGIN,
        [
            Value::number(user_id.get()),
            Value::number(now.seconds()),
            Value::Text(language.map(|language| language.tag().to_owned())),
        ],
    )
}
