//! Second factors: the transactions that use, add and remove them.
//!
//! A further kind of factor adds a table of its own, a variant to [`FactorProof`], and a condition
//! to the statement that opens a session by password alone.

mod changes;
mod kept_session;
mod login;
mod passkeys;

pub(in crate::db) use changes::remove_factors_since;
pub use changes::{SecondFactorChange, SecondFactors, TotpConfirmation};
pub use login::{LoginGate, SecondFactorLogin, SecondFactorLoginOutcome};
pub use passkeys::{
    NewPasskeyRegistration, PasskeyLogin, PasskeyLoginOutcome, PasskeyRegistration,
};

use crate::db::connection::AnyConnection;
use crate::db::tables::factor_changes::{NewFactorChange, note_change};
use crate::db::tables::passkey_challenges::{Challenge, use_challenge};
use crate::db::tables::passkeys::use_passkey;
use crate::db::tables::throttle::count_all;
use crate::db::tables::{recovery_codes, totp};
use crate::db::{DbError, LimitCheck, LimitHit, PasskeyUse, RateLimited};
use crate::domain::{
    ChallengeDigest, ChallengePurpose, RecoveryCodeDigest, Timestamp, TotpStep, UserId,
};

/// A second factor that a client shows, as far as it could be checked outside the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactorProof {
    /// A code of an authenticator app, right for a secret, which is given as it is stored.
    Totp {
        /// The step that the code is of.
        step: TotpStep,
        /// The secret, encrypted.
        sealed: Vec<u8>,
    },
    /// A recovery code.
    RecoveryCode(RecoveryCodeDigest),
    /// A passkey, whose signature was right, and the challenge that it has signed.
    Passkey {
        /// The passkey and its counter.
        used: PasskeyUse,
        /// What is stored of the challenge.
        challenge: ChallengeDigest,
    },
    /// Something that cannot be right. It is counted like a wrong code.
    Wrong,
}

/// How many wrong second factors an account may get, and what is done at the last one.
#[derive(Debug, Clone, Copy)]
pub struct CodeLimit<'a> {
    /// The limits.
    pub checks: &'a [LimitCheck],
    /// What is noted when the account accepts none any more.
    pub locked: NewFactorChange<'a>,
}

/// The outcome of a second factor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FactorVerdict {
    /// It was right, and is used up.
    Right,
    /// It was wrong, or used before.
    Wrong {
        /// Whether it was the last attempt that the account's limit allows.
        is_last: bool,
    },
    /// Too many were wrong before: it was not checked.
    Limited(RateLimited),
}

/// Counts an attempt by the account's limit, then checks the factor and uses it up. The caller
/// holds the user's row, and commits even if it is wrong: the attempt stays counted.
fn try_factor(
    conn: &mut AnyConnection,
    user_id: UserId,
    proof: &FactorProof,
    limit: &CodeLimit<'_>,
    now: Timestamp,
) -> Result<FactorVerdict, DbError> {
    try_counted(conn, user_id, limit, now, |conn| match proof {
        FactorProof::Totp { step, sealed } => totp::use_step(conn, user_id, *step, sealed),
        FactorProof::RecoveryCode(code) => recovery_codes::use_code(conn, user_id, code),
        FactorProof::Passkey { used, challenge } => {
            let asked = Challenge {
                digest: challenge,
                purpose: ChallengePurpose::SecondFactor,
                user_id: Some(user_id),
                session: None,
                client: limit.locked.client,
            };
            let is_asked = use_challenge(conn, &asked, now)?.is_some();
            Ok(is_asked && use_passkey(conn, user_id, used, now)?)
        }
        FactorProof::Wrong => Ok(false),
    })
}

/// Counts an attempt by the account's limit, then asks `is_right`.
fn try_counted(
    conn: &mut AnyConnection,
    user_id: UserId,
    limit: &CodeLimit<'_>,
    now: Timestamp,
    is_right: impl FnOnce(&mut AnyConnection) -> Result<bool, DbError>,
) -> Result<FactorVerdict, DbError> {
    let counted = match count_all(conn, limit.checks, now)? {
        Ok(counted) => counted,
        Err(limited) => return Ok(FactorVerdict::Limited(limited)),
    };
    if is_right(conn)? {
        return Ok(FactorVerdict::Right);
    }
    let is_last = counted.iter().any(LimitHit::is_last);
    if is_last {
        note_change(conn, user_id, &limit.locked, now)?;
    }
    Ok(FactorVerdict::Wrong { is_last })
}
