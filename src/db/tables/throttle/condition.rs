//! The parts of a counting statement that read other tables.

use crate::db::connection::statement::Value;
use crate::domain::{LimitKey, UserId};

/// A further condition under which an attempt is counted.
#[derive(Debug, Clone, Copy)]
pub(in crate::db) enum Condition {
    /// No further condition.
    Always,
    /// The statement with this number has counted the attempt.
    After(usize),
    /// The account has a known client.
    KnowsAnyClient(UserId),
}

impl Condition {
    /// The condition in SQL. Adds its value to those of the statement.
    pub(super) fn sql(self, values: &mut Vec<Value>) -> String {
        match self {
            Self::Always => "TRUE".to_owned(),
            Self::After(number) => format!("EXISTS (SELECT 1 FROM s{number})"),
            Self::KnowsAnyClient(user_id) => {
                values.push(Value::Number(Some(user_id.get())));
                let id = values.len();
                format!("EXISTS (SELECT 1 FROM known_clients WHERE user_id = ${id})")
            }
        }
    }
}

/// The user whose email is counted, in SQL; `NULL` if there is none. Operators' lists find the email
/// by it, since the key has only a digest. Adds its value to those of the statement.
pub(super) fn user_id_of(key: &LimitKey, values: &mut Vec<Value>) -> String {
    let Some(email) = key.email() else {
        return "CAST(NULL AS BIGINT)".to_owned();
    };
    values.push(Value::text(email.as_str()));
    let number = values.len();
    format!("(SELECT id FROM users WHERE email_key = ${number})")
}
