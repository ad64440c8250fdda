//! The table `ended_sessions`: why sessions have ended, for the browsers that still have their
//! cookies.

use std::time::Duration;

use diesel::dsl::AsExprOf;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use crate::db::connection::AnyConnection;
use crate::db::connection::statement::{Statement, Value, run_all};
use crate::db::schema::{ended_sessions, sessions};
use crate::db::{DB, DbError};
use crate::domain::{EndedSessionInfo, SessionDigest, SessionEnd, Timestamp, UserId};

/// How long the reason is kept.
pub(in crate::db) const KEPT: Duration = Duration::from_secs(7 * 24 * 3600);

/// How many ended sessions of a user are kept when further ones end: the newest.
const KEPT_PER_USER: i64 = 100;

impl DB {
    /// Why a session has ended; none if that is not known, or if the session is valid. Only a
    /// client that has the session's cookie can ask. Blocks for one or two lookups.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn session_end(&self, digest: &SessionDigest) -> Result<Option<SessionEnd>, DbError> {
        let valid = self.validity();
        self.read(|conn| {
            let noted: Option<String> = ended_sessions::table
                .filter(ended_sessions::digest.eq(digest.as_bytes()))
                .select(ended_sessions::reason)
                .get_result(conn)
                .optional()?;
            if let Some(noted) = noted {
                return QueryResult::Ok(SessionEnd::from_stored(&noted));
            }
            // Cleanup has not removed it yet.
            let stored: Option<(i64, i64)> = sessions::table
                .filter(sessions::digest.eq(digest.as_bytes()))
                .select((sessions::last_seen_at, sessions::expires_at))
                .get_result(conn)
                .optional()?;
            Ok(stored.and_then(|(last_seen_at, expires_at)| {
                if expires_at <= valid.now {
                    Some(SessionEnd::Expired)
                } else {
                    (last_seen_at <= valid.used_after).then_some(SessionEnd::Idle)
                }
            }))
        })
    }

    /// The ended sessions of a user, newest first, for the export. Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn ended_sessions_of(&self, user_id: UserId) -> Result<Vec<EndedSessionInfo>, DbError> {
        let rows: Vec<(String, i64)> = self.read(|conn| {
            ended_sessions::table
                .filter(ended_sessions::user_id.eq(user_id.get()))
                .order(ended_sessions::ended_at.desc())
                .select((ended_sessions::reason, ended_sessions::ended_at))
                .load(conn)
        })?;
        let info = |(reason, ended_at)| EndedSessionInfo {
            reason,
            ended_at: Timestamp::from_seconds(ended_at),
        };
        Ok(rows.into_iter().map(info).collect())
    }

    /// Removes the reasons of sessions that ended a week ago, at most `limit`, and returns how
    /// many. Blocks for a read, and for a write if there are any.
    ///
    /// # Errors
    /// Only if the database fails; then nothing is removed.
    pub fn remove_old_session_ends(&self, limit: u32) -> Result<usize, DbError> {
        let since = self.clock().now().minus(KEPT).seconds();
        let old: Vec<Vec<u8>> = self.read(|conn| {
            ended_sessions::table
                .filter(ended_sessions::ended_at.le(since))
                .order(ended_sessions::ended_at)
                .select(ended_sessions::digest)
                .limit(i64::from(limit))
                .load(conn)
        })?;
        if old.is_empty() {
            return Ok(0);
        }
        self.write(|conn| {
            let old = ended_sessions::table.filter(ended_sessions::digest.eq_any(&old));
            Ok(diesel::delete(old).execute(conn)?)
        })
    }
}

/// Ends the sessions of a user except one, and notes why. Returns how many there were. The caller
/// holds the user's row.
pub(in crate::db) fn end_sessions_of(
    conn: &mut AnyConnection,
    user_id: UserId,
    kept: Option<&SessionDigest>,
    (why, now): (SessionEnd, Timestamp),
) -> Result<usize, DbError> {
    let kept = kept.map_or(&[][..], SessionDigest::as_bytes);
    let which = "user_id = $1 AND digest <> $2";
    let bounds = [Value::number(user_id.get()), Value::Bytes(kept.to_vec())];
    note_ends_of(conn, user_id, (which, bounds), (why, now))?;
    let ended = sessions::table
        .filter(sessions::user_id.eq(user_id.get()))
        .filter(sessions::digest.ne(kept));
    Ok(diesel::delete(ended).execute(conn)?)
}

/// Notes for sessions that are about to be removed whether they expired or were idle since a time.
pub(in crate::db) fn note_expired(
    conn: &mut AnyConnection,
    digests: &[&[u8]],
    (now, idle_since): (Timestamp, Timestamp),
) -> QueryResult<()> {
    forget_digests(conn, digests)?;
    ends(digests, SessionEnd::Expired.as_str(), now.seconds())
        .filter(sessions::expires_at.le(now.seconds()))
        .insert_into(ended_sessions::table)
        .into_columns(COLUMNS)
        .execute(conn)?;
    ends(digests, SessionEnd::Idle.as_str(), now.seconds())
        .filter(sessions::expires_at.gt(now.seconds()))
        .filter(sessions::last_seen_at.le(idle_since.seconds()))
        .insert_into(ended_sessions::table)
        .into_columns(COLUMNS)
        .execute(conn)?;
    Ok(())
}

/// Notes why the sessions with these digests end, before they are deleted.
pub(in crate::db) fn note_ends(
    conn: &mut AnyConnection,
    digests: &[&[u8]],
    (why, now): (SessionEnd, Timestamp),
) -> QueryResult<()> {
    forget_digests(conn, digests)?;
    ends(digests, why.as_str(), now.seconds())
        .insert_into(ended_sessions::table)
        .into_columns(COLUMNS)
        .execute(conn)?;
    Ok(())
}

const COLUMNS: (
    ended_sessions::digest,
    ended_sessions::user_id,
    ended_sessions::reason,
    ended_sessions::ended_at,
) = (
    ended_sessions::digest,
    ended_sessions::user_id,
    ended_sessions::reason,
    ended_sessions::ended_at,
);

/// The rows that sessions get when they end.
#[diesel::dsl::auto_type(no_type_alias)]
fn ends<'a>(digests: &'a [&'a [u8]], why: &'static str, now: i64) -> _ {
    let reason: AsExprOf<&'static str, Text> = why.into_sql::<Text>();
    let ended_at: AsExprOf<i64, BigInt> = now.into_sql::<BigInt>();
    sessions::table
        .filter(sessions::digest.eq_any(digests))
        .select((sessions::digest, sessions::user_id, reason, ended_at))
}

fn forget_digests(conn: &mut AnyConnection, digests: &[&[u8]]) -> QueryResult<()> {
    let same = ended_sessions::table.filter(ended_sessions::digest.eq_any(digests));
    diesel::delete(same).execute(conn)?;
    Ok(())
}

/// Notes why sessions of a user end, before they are deleted, and forgets the user's oldest ends.
/// `which` is the condition on the sessions, with the values of its placeholders.
pub(in crate::db) fn note_ends_of(
    conn: &mut AnyConnection,
    user_id: UserId,
    (which, bounds): (&str, impl IntoIterator<Item = Value>),
    (why, now): (SessionEnd, Timestamp),
) -> QueryResult<()> {
    let note = note_statement(which, bounds, why, now);
    run_all(vec![note, forget_statement(user_id)], conn)
}

/// The statement that notes why sessions end, before they are deleted. `which` is the condition on
/// the sessions, with `bounds` for its placeholders.
pub(in crate::db) fn note_statement(
    which: &str,
    bounds: impl IntoIterator<Item = Value>,
    why: SessionEnd,
    now: Timestamp,
) -> Statement {
    let mut values: Vec<Value> = bounds.into_iter().collect();
    let (reason, ended_at) = (values.len() + 1, values.len() + 2);
    values.extend([Value::text(why.as_str()), Value::number(now.seconds())]);
    Statement::new(
        format!(
            "INSERT INTO ended_sessions (digest, user_id, reason, ended_at) \
             SELECT digest, user_id, ${reason}, ${ended_at} FROM sessions WHERE {which} \
             ON CONFLICT (digest) DO UPDATE \
             SET reason = excluded.reason, ended_at = excluded.ended_at RETURNING 1"
        ),
        values,
    )
}

/// The statement that forgets the oldest ended sessions of a user.
pub(in crate::db) fn forget_statement(user_id: UserId) -> Statement {
    Statement::new(
        "DELETE FROM ended_sessions WHERE user_id = $1 AND ended_at < (\
             SELECT ended_at FROM ended_sessions WHERE user_id = $1 \
             ORDER BY ended_at DESC LIMIT 1 OFFSET $2)",
        [
            Value::number(user_id.get()),
            Value::number(KEPT_PER_USER - 1),
        ],
    )
}
