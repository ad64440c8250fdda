//! Passkeys: the transactions that add and remove one, and that log in with one alone.

use std::cell::Cell;

use super::changes::SecondFactorChange;
use super::kept_session::{keep_session, keep_session_after_removal};
use super::{CodeLimit, FactorProof};
use crate::db::tables::factor_changes::{NewFactorChange, note_change};
use crate::db::tables::passkey_challenges::{Challenge, put_registration, use_challenge};
use crate::db::tables::passkeys::{self, NewPasskey, PasskeyUse};
use crate::db::tables::pending_logins::end_pending;
use crate::db::tables::recovery_codes;
use crate::db::tables::second_factors::has_factor;
use crate::db::tables::sessions::{sync_legacy_columns, sync_newest_session};
use crate::db::tables::throttle::count_all;
use crate::db::{
    DB, DbError, LimitCheck, LoginSideEffects, NewSession, RateLimited, Reauthenticated,
};
use crate::domain::{
    ChallengeDigest, ChallengePurpose, Client, PasskeyId, RecoveryCodeDigest, SessionDigest,
    SessionLevel, UserHandle, UserId,
};

/// How many passkeys a user may have.
const PASSKEYS_MAX: i64 = 20;

/// A passkey that its owner adds.
#[derive(Debug, Clone, Copy)]
pub struct NewPasskeyRegistration<'a> {
    /// The user that it belongs to.
    pub user_id: UserId,
    /// The session in which it is added. It stays, and counts as opened with both factors.
    pub session: &'a SessionDigest,
    /// The challenge that its authenticator has answered.
    pub challenge: &'a ChallengeDigest,
    /// The client that has sent it.
    pub client: &'a Client,
    /// The passkey.
    pub passkey: &'a NewPasskey<'a>,
    /// The recovery codes that a user gets who had no second factor.
    pub recovery_codes: &'a [RecoveryCodeDigest],
    /// What is noted of it.
    pub change: &'a NewFactorChange<'a>,
}

/// The result of adding a passkey.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasskeyRegistration {
    /// It was added.
    Added {
        /// Whether it is the first second factor: the recovery codes are new.
        is_first: bool,
    },
    /// The challenge was used before, has expired, or was for another user or client.
    NoChallenge,
    /// There is a passkey with its id already, or the user has too many.
    Refused,
}

/// A login by passkey alone, whose signature was right.
#[derive(Debug, Clone, Copy)]
pub struct PasskeyLogin<'a> {
    /// The passkey and its counter.
    pub used: &'a PasskeyUse,
    /// The challenge that its authenticator has answered.
    pub challenge: &'a ChallengeDigest,
    /// The session that it opens.
    pub session: &'a NewSession<'a>,
    /// The limits of right logins.
    pub limit: &'a [LimitCheck],
    /// What it settles.
    pub side_effects: &'a LoginSideEffects,
}

/// How a login by passkey alone ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasskeyLoginOutcome {
    /// The session is open.
    Opened {
        /// How many older ones it ended.
        ended: usize,
    },
    /// The challenge was used before, has expired, or was for another client.
    NoChallenge,
    /// The passkey is gone, or its counter has not gone forward. The challenge is used up.
    Refused,
    /// The user logs in too often.
    Limited(RateLimited),
}

impl DB {
    /// Begins to add a passkey for a user who has given the password again, and `shown` where there
    /// is a second factor already: stores the challenge.
    /// Returns the outcome, and what the authenticator is to know the user by: as the user's other
    /// passkeys do, else by `fresh`. Blocks for one write.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the password was replaced or the session ended in the
    /// meantime.
    pub fn begin_passkey(
        &self,
        who: &Reauthenticated<'_>,
        side_effects: &LoginSideEffects,
        shown: Option<(&FactorProof, CodeLimit<'_>)>,
        (challenge, client, fresh): (&ChallengeDigest, &Client, &UserHandle),
    ) -> Result<(SecondFactorChange, UserHandle), DbError> {
        let handle = Cell::new(*fresh);
        let changed = self.change_factors(who, side_effects, shown, |conn, now| {
            if shown.is_none() && has_factor(conn, who.user_id)? {
                return Err(DbError::NoResultFound);
            }
            if passkeys::count(conn, who.user_id)? >= PASSKEYS_MAX {
                return Ok(false);
            }
            let new = Challenge {
                digest: challenge,
                purpose: ChallengePurpose::Registration,
                user_id: Some(who.user_id),
                session: None,
                client,
            };
            handle.set(put_registration(conn, (&new, who.user_id), fresh, now)?);
            Ok(true)
        })?;
        Ok((changed, handle.get()))
    }

    /// Adds a passkey that was verified. All other sessions end. A user who had no second factor
    /// gets new recovery codes. All or nothing; blocks for one write.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the session ended in the meantime.
    pub fn add_passkey(
        &self,
        new: &NewPasskeyRegistration<'_>,
    ) -> Result<PasskeyRegistration, DbError> {
        let now = self.clock().now();
        let user_id = new.user_id;
        self.write_locking(user_id, |conn| {
            sync_legacy_columns(conn, user_id, None)?;
            if self.owner(conn, new.session)?.0 != user_id {
                return Err(DbError::NoResultFound);
            }
            sync_newest_session(conn, user_id)?;
            let asked = Challenge {
                digest: new.challenge,
                purpose: ChallengePurpose::Registration,
                user_id: Some(user_id),
                session: None,
                client: new.client,
            };
            let used = use_challenge(conn, &asked, now)?;
            let Some(handle) = used.and_then(|used| used.handle) else {
                return Ok(PasskeyRegistration::NoChallenge);
            };
            let known = passkeys::handle_of(conn, user_id)?;
            if known.is_some_and(|known| known != handle)
                || passkeys::count(conn, user_id)? >= PASSKEYS_MAX
            {
                return Ok(PasskeyRegistration::Refused);
            }
            let is_first = !has_factor(conn, user_id)?;
            if !passkeys::add(conn, (user_id, &handle), new.passkey, now)? {
                return Ok(PasskeyRegistration::Refused);
            }
            if is_first {
                recovery_codes::replace(conn, user_id, new.recovery_codes, now)?;
            }
            keep_session(conn, user_id, new.session, SessionLevel::SecondFactor, now)?;
            note_change(conn, user_id, new.change, now)?;
            Ok(PasskeyRegistration::Added { is_first })
        })
    }

    /// Removes a passkey of a user who has given the password again and shown a second factor. All other sessions end; with
    /// the last second factor the recovery codes are removed too. Blocks for one write.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the password was replaced or the session ended in the
    /// meantime.
    pub fn remove_passkey(
        &self,
        who: &Reauthenticated<'_>,
        side_effects: &LoginSideEffects,
        shown: (&FactorProof, CodeLimit<'_>),
        (id, noted): (PasskeyId, &NewFactorChange<'_>),
    ) -> Result<SecondFactorChange, DbError> {
        self.change_factors(who, side_effects, Some(shown), |conn, now| {
            if !passkeys::remove(conn, who.user_id, id)? {
                return Ok(false);
            }
            keep_session_after_removal(conn, who.user_id, who.session, now)?;
            note_change(conn, who.user_id, noted, now)?;
            Ok(true)
        })
    }

    /// Logs in by passkey alone: uses the challenge up, records the use of the passkey and opens a
    /// session. The user's logins that wait for a second factor end. Blocks for one write.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the user does not exist any more.
    pub fn log_in_with_passkey(
        &self,
        login: &PasskeyLogin<'_>,
    ) -> Result<PasskeyLoginOutcome, DbError> {
        let now = self.clock().now();
        let user_id = login.session.user_id;
        self.write_locking(user_id, |conn| {
            let asked = Challenge {
                digest: login.challenge,
                purpose: ChallengePurpose::Login,
                user_id: None,
                session: None,
                client: login.session.client,
            };
            if use_challenge(conn, &asked, now)?.is_none() {
                return Ok(PasskeyLoginOutcome::NoChallenge);
            }
            if let Err(limited) = count_all(conn, login.limit, now)? {
                return Ok(PasskeyLoginOutcome::Limited(limited));
            }
            if !passkeys::use_passkey(conn, user_id, login.used, now)? {
                return Ok(PasskeyLoginOutcome::Refused);
            }
            end_pending(conn, user_id)?;
            let ended = self.add_session_within(conn, login.session, None, login.side_effects)?;
            Ok(PasskeyLoginOutcome::Opened { ended })
        })
    }
}
