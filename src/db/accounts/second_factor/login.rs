//! Logins with a second factor: checked, used up, and the session opened in one transaction.

use diesel::prelude::*;

use super::{CodeLimit, FactorProof, FactorVerdict, try_factor};
use crate::db::connection::AnyConnection;
use crate::db::schema::users;
use crate::db::tables::factor_changes::{NewFactorChange, note_change};
use crate::db::tables::pending_logins::{end_pending, is_pending};
use crate::db::{DB, DbError, LoginSideEffects, NewSession, RateLimited};
use crate::domain::{Client, HashedPassword, LoginTokenDigest, Timestamp, UserId};

/// The proof of the first step, which lets a client give a second factor.
#[derive(Debug, Clone, Copy)]
pub enum LoginGate<'a> {
    /// The right password, in the same request: its stored hash.
    Password(&'a HashedPassword),
    /// A login that began with the right password.
    Pending(&'a LoginTokenDigest, &'a Client),
}

/// A login with a second factor.
#[derive(Debug, Clone, Copy)]
pub struct SecondFactorLogin<'a> {
    /// The proof of the first step.
    pub gate: LoginGate<'a>,
    /// The second factor.
    pub proof: &'a FactorProof,
    /// The session that it opens.
    pub session: &'a NewSession<'a>,
    /// How many wrong ones the account may get.
    pub limit: CodeLimit<'a>,
    /// What a right one settles.
    pub side_effects: &'a LoginSideEffects,
    /// What is noted about a right one.
    pub change: Option<NewFactorChange<'a>>,
}

/// The outcome of a login with a second factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecondFactorLoginOutcome {
    /// The session is open.
    Opened {
        /// How many older ones it ended.
        ended: usize,
    },
    /// The second factor was wrong, or used before. The pending login stays.
    Wrong {
        /// Whether it was the last attempt that the account's limit allows.
        is_last: bool,
    },
    /// Too many were wrong before.
    Limited(RateLimited),
}

impl DB {
    /// Uses a second factor up and opens a session; all or nothing, but that a wrong one stays
    /// counted. The user's other logins that wait for a second factor end. Blocks for one write.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the proof of the first step is no longer valid.
    pub fn log_in_with_second_factor(
        &self,
        login: &SecondFactorLogin<'_>,
    ) -> Result<SecondFactorLoginOutcome, DbError> {
        let user_id = login.session.user_id;
        let now = self.clock().now();
        self.write_locking(user_id, |conn| {
            if !is_open(conn, login.gate, user_id, now)? {
                return Err(DbError::NoResultFound);
            }
            match try_factor(conn, user_id, login.proof, &login.limit, now)? {
                FactorVerdict::Right => {}
                FactorVerdict::Wrong { is_last } => {
                    return Ok(SecondFactorLoginOutcome::Wrong { is_last });
                }
                FactorVerdict::Limited(limited) => {
                    return Ok(SecondFactorLoginOutcome::Limited(limited));
                }
            }
            end_pending(conn, user_id)?;
            let ended = self.add_session_within(conn, login.session, None, login.side_effects)?;
            if let Some(change) = &login.change {
                note_change(conn, user_id, change, now)?;
            }
            Ok(SecondFactorLoginOutcome::Opened { ended })
        })
    }
}

fn is_open(
    conn: &mut AnyConnection,
    gate: LoginGate<'_>,
    user_id: UserId,
    now: Timestamp,
) -> Result<bool, DbError> {
    match gate {
        LoginGate::Pending(login, client) => is_pending(conn, user_id, login, client, now),
        LoginGate::Password(checked) => {
            let user: Option<i64> = users::table
                .filter(users::id.eq(user_id.get()))
                .filter(users::hashed_password.eq(checked.expose()))
                .select(users::id)
                .get_result(conn)
                .optional()?;
            Ok(user.is_some())
        }
    }
}
