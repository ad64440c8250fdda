//! Reads everything that a login needs before it is counted, in one lookup.

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Nullable, Text};

use crate::db::connection::AnyConnection;
use crate::db::connection::statement::{Statement, Value};
use crate::db::tables::throttle::known_row;
use crate::db::tables::users::UserRow;
use crate::db::{DB, DbError, LimitRow};
use crate::domain::{LimitKey, NormalizedEmail, User};

/// The state of an account before a login.
#[derive(Debug, Clone, Default)]
pub struct LoginState {
    /// The user with this email, if there is one.
    pub user: Option<User>,
    /// Whether the account is disabled.
    pub is_disabled: bool,
    /// The client's marks that the account knows.
    pub known_marks: Vec<String>,
    /// The existing counts of the limit keys.
    pub rows: Vec<LimitRow>,
}

/// The kind of a row; then a user's columns, or a mark, or a limit key; then two numbers.
type Columns = (
    BigInt,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    Nullable<Text>,
    BigInt,
    BigInt,
);
type Row = (
    i64,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    i64,
    i64,
);

const USER: i64 = 0;
const MARK: i64 = 1;

impl DB {
    /// Looks up an account, which of the marks it knows, and the counts of the limit keys.
    /// Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn login_state(
        &self,
        email: &NormalizedEmail,
        marks: &[String],
        keys: &[LimitKey],
    ) -> Result<LoginState, DbError> {
        let now = self.settings.clock.now().seconds();
        let mut values = vec![Value::text(email.as_str()), Value::number(now)];
        let marks = Statement::<Columns>::list(&mut values, marks.iter().cloned());
        let keys = keys.iter().map(|key| key.as_str().to_owned());
        let keys = Statement::<Columns>::list(&mut values, keys);
        let sql = format!(
            "SELECT CAST(0 AS BIGINT), email, hashed_password, session_id, reset_token, id, \
                 COALESCE((SELECT 1 FROM account_dates \
                     WHERE user_id = users.id AND disabled_at IS NOT NULL), CAST(0 AS BIGINT)) \
                 FROM users WHERE email_key = $1 \
             UNION ALL SELECT 1, mark, NULL, NULL, NULL, 0, 0 FROM known_clients \
                 WHERE user_id = (SELECT id FROM users WHERE email_key = $1) \
                 AND expires_at > $2 AND mark IN ({marks}) \
             UNION ALL SELECT 2, key, NULL, NULL, NULL, fails, next_at FROM throttle \
                 WHERE key IN ({keys})"
        );
        let statement = Statement::<Columns>::new(sql, values);
        let rows: Vec<Row> = self.read(|conn| match conn {
            AnyConnection::Sqlite(conn) => statement.clone().load(conn),
            AnyConnection::Postgres(conn) => statement.clone().load(conn),
        })?;
        let mut state = LoginState::default();
        for (kind, text, hashed_password, session_id, reset_token, number, other) in rows {
            let text = text.unwrap_or_default();
            match kind {
                USER => {
                    let row = UserRow {
                        id: number,
                        email: text,
                        hashed_password: hashed_password.unwrap_or_default(),
                        session_id,
                        reset_token,
                    };
                    state.user = Some(row.into());
                    state.is_disabled = other != 0;
                }
                MARK => state.known_marks.push(text),
                _ => state.rows.extend(known_row((text, number, other))),
            }
        }
        Ok(state)
    }
}
