//! Adding and removing second factors, and replacing recovery codes.

use diesel::prelude::*;

use super::kept_session::{keep_session, keep_session_after_removal};
use super::{CodeLimit, FactorProof, FactorVerdict, try_counted, try_factor};
use crate::db::connection::AnyConnection;
use crate::db::schema::{passkeys as passkey_table, totp as totp_table};
use crate::db::tables::ended_sessions::end_sessions_of;
use crate::db::tables::factor_changes::{NewFactorChange, note_change};
use crate::db::tables::pending_logins::end_pending;
use crate::db::tables::second_factors::has_factor;
use crate::db::tables::sessions::{sync_legacy_columns, sync_newest_session};
use crate::db::tables::throttle::count_all;
use crate::db::tables::{passkeys, recovery_codes, secret_key_check, totp};
use crate::db::{DB, DbError, LoginSideEffects, RateLimited, Reauthenticated};
use crate::domain::{
    LimitKey, RecoveryCodeDigest, SessionDigest, SessionEnd, SessionLevel, Timestamp, TotpStep,
    UserId,
};

/// The second factors of a user.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SecondFactors {
    /// When the authenticator app was added, if there is one.
    pub totp: Option<Timestamp>,
    /// How many passkeys there are.
    pub passkeys: u32,
    /// How many recovery codes are left.
    pub recovery_codes: u32,
}

impl SecondFactors {
    /// Whether a login needs a second factor.
    #[must_use]
    pub fn is_due(&self) -> bool {
        self.totp.is_some() || self.passkeys > 0
    }
}

/// The outcome of a change of second factors by their owner, after the password was right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecondFactorChange {
    /// It is done.
    Done,
    /// A factor exists already, or none exists, or the key was replaced: nothing was changed.
    Refused,
    /// The required second factor was wrong.
    Wrong {
        /// Whether it was the last attempt that the account's limit allows.
        is_last: bool,
    },
    /// Too many changes, or too many wrong codes.
    Limited(RateLimited),
}

/// A code that confirms an authenticator app.
#[derive(Debug, Clone, Copy)]
pub struct TotpConfirmation<'a> {
    /// The owner.
    pub user_id: UserId,
    /// The session in which it is confirmed. It stays, and counts as opened with both factors.
    pub session: &'a SessionDigest,
    /// The step of the code; none if it was wrong.
    pub step: Option<TotpStep>,
    /// The secret that the code was checked against, encrypted.
    pub sealed: &'a [u8],
    /// How many wrong codes the account may get.
    pub limit: CodeLimit<'a>,
    /// The recovery codes that the user gets.
    pub recovery_codes: &'a [RecoveryCodeDigest],
    /// The count that is reset to zero.
    pub forget: &'a LimitKey,
    /// What is noted about it.
    pub change: NewFactorChange<'a>,
}

impl DB {
    /// The second factors of a user. Blocks for three lookups.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn second_factors_of(&self, user_id: UserId) -> Result<SecondFactors, DbError> {
        let (totp, codes, keys): (Option<Option<i64>>, i64, i64) = self.read(|conn| {
            let totp = totp_table::table
                .filter(totp_table::user_id.eq(user_id.get()))
                .select(totp_table::confirmed_at)
                .get_result(conn)
                .optional()?;
            let codes = recovery_codes::count(conn, user_id)?;
            QueryResult::Ok((totp, codes, passkeys::count(conn, user_id)?))
        })?;
        Ok(SecondFactors {
            totp: totp.flatten().map(Timestamp::from_seconds),
            passkeys: u32::try_from(keys).unwrap_or(u32::MAX),
            recovery_codes: u32::try_from(codes).unwrap_or(u32::MAX),
        })
    }

    /// Stores the secret of an authenticator app, which a code has to confirm. `key_check` is the
    /// sealed text by which the key is recognised. Blocks for one write.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the password was replaced or the session ended in the
    /// meantime.
    pub fn begin_totp(
        &self,
        who: &Reauthenticated<'_>,
        side_effects: &LoginSideEffects,
        sealed: &[u8],
        key_check: &[u8],
    ) -> Result<SecondFactorChange, DbError> {
        let now = self.clock().now();
        self.change_factors(who, side_effects, None, |conn, _| {
            let is_stored = secret_key_check::claim_key_check(conn, key_check)?
                && totp::put_pending(conn, who.user_id, sealed, now)?;
            Ok(is_stored)
        })
    }

    /// Confirms an authenticator app by a code: the user has new recovery codes, and all other
    /// sessions end. All or nothing, but that a wrong code stays counted; blocks for one write.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the session ended in the meantime.
    pub fn confirm_totp(&self, new: &TotpConfirmation<'_>) -> Result<SecondFactorChange, DbError> {
        let now = self.clock().now();
        let user_id = new.user_id;
        self.write_locking(user_id, |conn| {
            sync_legacy_columns(conn, user_id, None)?;
            if self.owner(conn, new.session)?.0 != user_id {
                return Err(DbError::NoResultFound);
            }
            sync_newest_session(conn, user_id)?;
            match try_counted(conn, user_id, &new.limit, now, |_| Ok(new.step.is_some()))? {
                FactorVerdict::Right => {}
                FactorVerdict::Wrong { is_last } => {
                    return Ok(SecondFactorChange::Wrong { is_last });
                }
                FactorVerdict::Limited(limited) => {
                    return Ok(SecondFactorChange::Limited(limited));
                }
            }
            let Some(step) = new.step else {
                return Ok(SecondFactorChange::Refused);
            };
            if !totp::confirm(conn, user_id, step, new.sealed, now)? {
                return Ok(SecondFactorChange::Refused);
            }
            recovery_codes::replace(conn, user_id, new.recovery_codes, now)?;
            let side_effects = LoginSideEffects {
                forget: vec![new.forget.clone()],
                ..LoginSideEffects::default()
            };
            self.settle(conn, user_id, &side_effects)?;
            keep_session(conn, user_id, new.session, SessionLevel::SecondFactor, now)?;
            note_change(conn, user_id, &new.change, now)?;
            Ok(SecondFactorChange::Done)
        })
    }

    /// Removes the authenticator app of a user who has shown a second factor, and the recovery
    /// codes if there is no other factor. All other sessions end. All or nothing, but that a wrong code stays counted; blocks
    /// for one write.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the password was replaced or the session ended in the
    /// meantime.
    pub fn remove_totp(
        &self,
        who: &Reauthenticated<'_>,
        (proof, limit): (&FactorProof, CodeLimit<'_>),
        side_effects: &LoginSideEffects,
        noted: &NewFactorChange<'_>,
    ) -> Result<SecondFactorChange, DbError> {
        self.change_factors(who, side_effects, Some((proof, limit)), |conn, now| {
            totp::remove(conn, who.user_id)?;
            keep_session_after_removal(conn, who.user_id, who.session, now)?;
            note_change(conn, who.user_id, noted, now)?;
            Ok(true)
        })
    }

    /// Replaces the recovery codes of a user. Blocks for one write.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the password was replaced or the session ended in the
    /// meantime.
    pub fn replace_recovery_codes(
        &self,
        who: &Reauthenticated<'_>,
        side_effects: &LoginSideEffects,
        codes: &[RecoveryCodeDigest],
        noted: &NewFactorChange<'_>,
    ) -> Result<SecondFactorChange, DbError> {
        self.change_factors(who, side_effects, None, |conn, now| {
            if !has_factor(conn, who.user_id)? {
                return Ok(false);
            }
            recovery_codes::replace(conn, who.user_id, codes, now)?;
            keep_session(
                conn,
                who.user_id,
                who.session,
                SessionLevel::SecondFactor,
                now,
            )?;
            note_change(conn, who.user_id, noted, now)?;
            Ok(true)
        })
    }

    /// Removes the second factors and the recovery codes of a user, and ends all sessions. Returns
    /// whether there was a factor. Blocks for one write.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if there is no such user.
    pub fn reset_second_factors(
        &self,
        user_id: UserId,
        forget: &LimitKey,
        noted: &NewFactorChange<'_>,
    ) -> Result<bool, DbError> {
        let now = self.clock().now();
        self.write_locking(user_id, |conn| {
            sync_legacy_columns(conn, user_id, None)?.ok_or(DbError::NoResultFound)?;
            let removed = remove_factors(conn, user_id)?;
            let side_effects = LoginSideEffects {
                forget: vec![forget.clone()],
                ..LoginSideEffects::default()
            };
            self.settle(conn, user_id, &side_effects)?;
            let why = if removed {
                SessionEnd::SecondFactorChanged
            } else {
                SessionEnd::Operator
            };
            end_sessions_of(conn, user_id, None, (why, now))?;
            if removed {
                note_change(conn, user_id, noted, now)?;
            }
            Ok(removed)
        })
    }

    /// The users who have a second factor, in the order of their numbers, at most `limit` of each
    /// kind, beginning after `after`. Blocks for two lookups.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn users_with_second_factor(
        &self,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<UserId>, DbError> {
        let after = after.map_or(i64::MIN, UserId::get);
        let full = usize::try_from(limit).unwrap_or(usize::MAX);
        let limit = i64::from(limit);
        let mut users: Vec<i64> = self.read(|conn| {
            let apps: Vec<i64> = totp_table::table
                .filter(totp_table::user_id.gt(after))
                .order(totp_table::user_id)
                .select(totp_table::user_id)
                .limit(limit)
                .load(conn)?;
            let keys: Vec<i64> = passkey_table::table
                .filter(passkey_table::user_id.gt(after))
                .order(passkey_table::user_id)
                .select(passkey_table::user_id)
                .limit(limit)
                .load(conn)?;
            // Behind the end of the shorter list there may be users of that kind.
            let ends = [&apps, &keys].into_iter().filter(|list| list.len() >= full);
            let end = ends.filter_map(|list| list.last()).min().copied();
            let users = apps.into_iter().chain(keys);
            QueryResult::Ok(
                users
                    .filter(|id| end.is_none_or(|end| *id <= end))
                    .collect(),
            )
        })?;
        users.sort_unstable();
        users.dedup();
        Ok(users.into_iter().map(UserId::new).collect())
    }

    /// Forgets the secret key, if nothing is encrypted under it any more. Returns whether it did.
    /// Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn forget_secret_key(&self) -> Result<bool, DbError> {
        self.write(|conn| {
            let secret: Option<i64> = totp_table::table
                .filter(totp_table::user_id.gt(0))
                .order(totp_table::user_id)
                .select(totp_table::user_id)
                .first(conn)
                .optional()?;
            if secret.is_some() {
                return Ok(false);
            }
            secret_key_check::forget_key(conn)?;
            Ok(true)
        })
    }

    /// A change by an owner who gave the right password, and a second factor where one is to be
    /// shown. `change` returns whether it could be made.
    pub(super) fn change_factors(
        &self,
        who: &Reauthenticated<'_>,
        side_effects: &LoginSideEffects,
        shown: Option<(&FactorProof, CodeLimit<'_>)>,
        change: impl Fn(&mut AnyConnection, Timestamp) -> Result<bool, DbError>,
    ) -> Result<SecondFactorChange, DbError> {
        let now = self.clock().now();
        self.write_locking(who.user_id, |conn| {
            if let Err(limited) = count_all(conn, who.limit, now)? {
                return Ok(SecondFactorChange::Limited(limited));
            }
            self.lock_if_unchanged(conn, who)?;
            sync_newest_session(conn, who.user_id)?;
            if let Some((proof, limit)) = shown {
                match try_factor(conn, who.user_id, proof, &limit, now)? {
                    FactorVerdict::Right => {}
                    FactorVerdict::Wrong { is_last } => {
                        return Ok(SecondFactorChange::Wrong { is_last });
                    }
                    FactorVerdict::Limited(limited) => {
                        return Ok(SecondFactorChange::Limited(limited));
                    }
                }
            }
            self.settle(conn, who.user_id, side_effects)?;
            Ok(if change(conn, now)? {
                SecondFactorChange::Done
            } else {
                SecondFactorChange::Refused
            })
        })
    }
}

/// Removes the second factors of a user, and what hangs on them. The caller holds the user's row.
fn remove_factors(conn: &mut AnyConnection, user_id: UserId) -> Result<bool, DbError> {
    recovery_codes::remove_all(conn, user_id)?;
    end_pending(conn, user_id)?;
    let had_passkeys = passkeys::remove_all(conn, user_id)?;
    Ok(totp::remove(conn, user_id)? || had_passkeys)
}

/// Removes the second factors of a user that were set up at a time or later. The caller holds the
/// user's row.
pub(in crate::db) fn remove_factors_since(
    conn: &mut AnyConnection,
    user_id: UserId,
    since: Timestamp,
) -> Result<(), DbError> {
    let app = totp::remove_since(conn, user_id, since)?;
    let passkeys = passkeys::remove_since(conn, user_id, since)?;
    if app || passkeys {
        end_pending(conn, user_id)?;
        if !has_factor(conn, user_id)? {
            recovery_codes::remove_all(conn, user_id)?;
        }
    }
    recovery_codes::remove_since(conn, user_id, since)
}
