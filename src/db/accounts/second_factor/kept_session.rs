//! The one session that stays after a change of second factors.

use diesel::prelude::*;

use crate::db::DbError;
use crate::db::connection::AnyConnection;
use crate::db::schema::sessions;
use crate::db::tables::ended_sessions::end_sessions_of;
use crate::db::tables::pending_logins::end_pending;
use crate::db::tables::recovery_codes;
use crate::db::tables::second_factors::has_factor;
use crate::db::tables::sessions::sync_newest_session;
use crate::domain::{SessionDigest, SessionEnd, SessionLevel, Timestamp, UserId};

/// After a factor was removed: ends all sessions of a user but one. Without any factor left, that
/// one counts as opened by password alone, and the recovery codes are removed.
pub(super) fn keep_session_after_removal(
    conn: &mut AnyConnection,
    user_id: UserId,
    session: &SessionDigest,
    now: Timestamp,
) -> Result<(), DbError> {
    let level = if has_factor(conn, user_id)? {
        SessionLevel::SecondFactor
    } else {
        recovery_codes::remove_all(conn, user_id)?;
        SessionLevel::Password
    };
    keep_session(conn, user_id, session, level, now)
}

/// Ends all sessions of a user but one, which gets a level, and the logins that wait for a second
/// factor. The caller holds the user's row.
pub(super) fn keep_session(
    conn: &mut AnyConnection,
    user_id: UserId,
    session: &SessionDigest,
    level: SessionLevel,
    now: Timestamp,
) -> Result<(), DbError> {
    end_pending(conn, user_id)?;
    let why = (SessionEnd::SecondFactorChanged, now);
    end_sessions_of(conn, user_id, Some(session), why)?;
    diesel::update(sessions::table.filter(sessions::digest.eq(session.as_bytes())))
        .set(sessions::level.eq(level.number()))
        .execute(conn)?;
    sync_newest_session(conn, user_id)
}
