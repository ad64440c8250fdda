//! The table `account_dates`: when accounts were registered, last used and disabled, and the
//! language of their owners.

use diesel::prelude::*;

use crate::db::connection::AnyConnection;
use crate::db::connection::statement::{Statement, Value};
use crate::db::schema::account_dates;
use crate::db::{DB, DbError};
use crate::domain::{AccountDates, Language, Timestamp, UserId};

const NOTE_LOGIN: &str = "\
    INSERT INTO account_dates (user_id, last_login_at, language) VALUES ($1, $2, $3) \
    ON CONFLICT (user_id) DO UPDATE SET last_login_at = excluded.last_login_at, \
        language = COALESCE(excluded.language, account_dates.language)";

/// `created_at`, `last_login_at`, `disabled_at`.
type Row = (Option<i64>, Option<i64>, Option<i64>);

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
pub(in crate::db) fn record_login_statement(
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
