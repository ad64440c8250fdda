//! Lists of users for operators and administrators: by id, and by address.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use crate::db::connection::AnyConnection;
use crate::db::connection::statement::{Statement, Value};
use crate::db::{DB, DbError};
use crate::domain::{AccountDates, Email, Timestamp, UserId};

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

/// Id, address, its key; `created_at`, `last_login_at`, `disabled_at`; when the app was added, a
/// passkey, and the key that is verified.
type Columns = (
    (BigInt, Text, Text),
    (Nullable<BigInt>, Nullable<BigInt>, Nullable<BigInt>),
    (Nullable<BigInt>, Nullable<BigInt>, Nullable<Text>),
);
type Row = (
    (i64, String, String),
    (Option<i64>, Option<i64>, Option<i64>),
    (Option<i64>, Option<i64>, Option<String>),
);

/// The rows of users. `only` is a condition on each joined table, with its name as `{}`.
fn listed(only: &str) -> String {
    let joins = ["account_dates", "totp", "verified_emails"].map(|table| {
        let only = only.replace("{}", table);
        format!("LEFT JOIN {table} ON {table}.user_id = users.id {only}")
    });
    format!(
        "SELECT users.id, users.email, users.email_key, account_dates.created_at, \
            account_dates.last_login_at, account_dates.disabled_at, totp.confirmed_at, \
            (SELECT min(passkeys.id) FROM passkeys WHERE passkeys.user_id = users.id), \
            verified_emails.email_key \
        FROM users {}",
        joins.join(" ")
    )
}

/// Behind every address: no text has a greater character.
const BEHIND_ALL: &str = "\u{10ffff}\u{10ffff}";

impl DB {
    /// Reads at most `limit` users after the id `after`, in the order of ids. Blocks for one
    /// lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn users_after(
        &self,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<ListedUser>, DbError> {
        let after = Value::number(after.map_or(i64::MIN, UserId::get));
        // PostgreSQL would read the joined tables from their beginning for each page, since it does
        // not conclude that their keys are greater too.
        let from = listed("AND {}.user_id > $1");
        let sql = format!("{from} WHERE users.id > $1 ORDER BY users.id LIMIT $2");
        self.listed(|_| sql.clone(), &[after, Value::number(limit.into())])
    }

    /// The user of an id, as in a list. Blocks for one lookup.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if there is no such user.
    pub fn listed_user(&self, id: UserId) -> Result<ListedUser, DbError> {
        let sql = format!("{} WHERE users.id = $1", listed(""));
        let mut found = self.listed(|_| sql.clone(), &[Value::number(id.get())])?;
        found.pop().ok_or(DbError::NoResultFound)
    }

    /// Reads at most `limit` users whose address begins with a text, in any letter case, in the
    /// order of addresses. With `after`, the list begins behind that address. Blocks for one
    /// lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn users_by_email(
        &self,
        beginning: &str,
        after: Option<&Email>,
        limit: u32,
    ) -> Result<Vec<ListedUser>, DbError> {
        let beginning = Email::from_stored(beginning.to_owned()).key();
        let beginning = beginning.as_str().replace('\0', "");
        let end = behind(&beginning);
        // No text is between an address and that address with the smallest character behind it.
        let first = match after {
            Some(after) => format!("{}\u{1}", after.key().as_str().replace('\0', "")),
            None => beginning.clone(),
        };
        let values = [
            Value::text(&first.max(beginning)),
            Value::text(&end),
            Value::number(limit.into()),
        ];
        let sql = |conn: &AnyConnection| {
            // The operators of PostgreSQL that compare bytes, as SQLite does.
            let (from, below, order) = match conn {
                AnyConnection::Sqlite(_) => (">=", "<", ""),
                AnyConnection::Postgres(_) => ("~>=~", "~<~", "USING ~<~"),
            };
            format!(
                "{} WHERE users.email_key {from} $1 AND users.email_key {below} $2 \
                 ORDER BY users.email_key {order} LIMIT $3",
                listed("")
            )
        };
        self.listed(sql, &values)
    }

    fn listed(
        &self,
        sql: impl Fn(&AnyConnection) -> String,
        values: &[Value],
    ) -> Result<Vec<ListedUser>, DbError> {
        let rows: Vec<Row> = self.read(|conn| {
            let statement: Statement<Columns> = Statement::new(sql(conn), values);
            match conn {
                AnyConnection::Sqlite(conn) => statement.load(conn),
                AnyConnection::Postgres(conn) => statement.load(conn),
            }
        })?;
        Ok(rows.into_iter().map(listed_user).collect())
    }
}

fn listed_user(row: Row) -> ListedUser {
    let ((id, email, key), (created, last_login, disabled), (totp, passkey, verified)) = row;
    ListedUser {
        id: UserId::new(id),
        email: Email::from_stored(email),
        dates: AccountDates {
            created_at: created.map(Timestamp::from_seconds),
            last_login_at: last_login.map(Timestamp::from_seconds),
            disabled_at: disabled.map(Timestamp::from_seconds),
        },
        totp: totp.map(Timestamp::from_seconds),
        has_passkeys: passkey.is_some(),
        is_email_verified: verified.is_some_and(|verified| verified == key),
    }
}

/// The least text that is behind all texts with a beginning, in the order of characters.
fn behind(beginning: &str) -> String {
    let mut text = beginning.to_owned();
    while let Some(last) = text.pop() {
        let mut following = (u32::from(last) + 1..=u32::from(char::MAX)).filter_map(char::from_u32);
        if let Some(following) = following.next() {
            text.push(following);
            return text;
        }
    }
    BEHIND_ALL.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_behind_a_beginning_is_the_least_one() {
        for (beginning, expected) in [
            ("bob", "boc"),
            ("b\u{d7ff}", "b\u{e000}"),
            ("b\u{10ffff}", "c"),
            ("\u{10ffff}", BEHIND_ALL),
            ("", BEHIND_ALL),
        ] {
            assert_eq!(behind(beginning), expected);
        }
    }
}
