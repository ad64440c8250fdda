//! Acts of administrators: the record of the re-authentication, under the lock of the account.

use super::changes::Reauthenticated;
use crate::db::tables::groups::is_member;
use crate::db::tables::passkey_challenges::{Challenge, use_challenge};
use crate::db::tables::passkeys::{PasskeyUse, use_passkey};
use crate::db::tables::sessions::{sync_legacy_columns, sync_newest_session};
use crate::db::tables::throttle::{RateLimited, count_all};
use crate::db::{DB, DbError, LimitCheck, LoginSideEffects};
use crate::domain::{ChallengeDigest, ChallengePurpose, Client, GroupName, SessionDigest, UserId};

/// A passkey of an administrator, shown for an act, whose signature was right.
#[derive(Debug, Clone, Copy)]
pub struct PasskeyOfAdministrator<'a> {
    /// The administrator.
    pub user_id: UserId,
    /// The session of the request.
    pub session: &'a SessionDigest,
    /// The client of the request.
    pub client: &'a Client,
    /// The passkey and its counter.
    pub used: &'a PasskeyUse,
    /// The challenge that its authenticator has answered.
    pub challenge: &'a ChallengeDigest,
    /// The rate limit of acts.
    pub limit: &'a [LimitCheck],
}

/// The result of recording a passkey for an act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasskeyActOutcome {
    /// The act may be carried out.
    Recorded,
    /// The challenge was used before, has expired, or was for another purpose, session or client.
    NoChallenge,
    /// The passkey is gone, or its counter has not gone forward. The challenge is used up.
    Refused,
    /// The administrator acts too often.
    Limited(RateLimited),
}

impl DB {
    /// Uses up the challenge of an act and the passkey's counter, and counts the act. Blocks for
    /// one transaction.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the session ended, or the user is no longer in the group.
    pub fn record_administrator_by_passkey(
        &self,
        shown: &PasskeyOfAdministrator<'_>,
        group: &GroupName,
    ) -> Result<PasskeyActOutcome, DbError> {
        let now = self.settings.clock.now();
        let user_id = shown.user_id;
        self.write_locking(user_id, |conn| {
            sync_legacy_columns(conn, user_id, None)?;
            let is_open = self.owner(conn, shown.session)?.0 == user_id;
            if !is_open || !is_member(conn, group, user_id)? {
                return Err(DbError::NoResultFound);
            }
            sync_newest_session(conn, user_id)?;
            let asked = Challenge {
                digest: shown.challenge,
                purpose: ChallengePurpose::Act,
                user_id: Some(user_id),
                session: Some(shown.session),
                client: shown.client,
            };
            if use_challenge(conn, &asked, now)?.is_none() {
                return Ok(PasskeyActOutcome::NoChallenge);
            }
            if let Err(limited) = count_all(conn, shown.limit, now)? {
                return Ok(PasskeyActOutcome::Limited(limited));
            }
            if !use_passkey(conn, user_id, shown.used, now)? {
                return Ok(PasskeyActOutcome::Refused);
            }
            Ok(PasskeyActOutcome::Recorded)
        })
    }

    /// Counts an act of an administrator who has given the password again, and settles the rate
    /// limits. Blocks for one transaction.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the password was replaced, the session ended, or the user is
    /// no longer in the group.
    pub fn record_administrator(
        &self,
        who: &Reauthenticated<'_>,
        group: &GroupName,
        side_effects: &LoginSideEffects,
    ) -> Result<Result<(), RateLimited>, DbError> {
        let now = self.settings.clock.now();
        self.write(|conn| {
            if let Err(limited) = count_all(conn, who.limit, now)? {
                return Ok(Err(limited));
            }
            self.lock_if_unchanged(conn, who)?;
            if !is_member(conn, group, who.user_id)? {
                return Err(DbError::NoResultFound);
            }
            sync_newest_session(conn, who.user_id)?;
            self.settle(conn, who.user_id, side_effects)?;
            Ok(Ok(()))
        })
    }
}
