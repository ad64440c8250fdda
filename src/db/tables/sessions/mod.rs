//! The table `sessions`: the valid session ids and their users.

mod own;

use data_encoding::HEXLOWER;
use diesel::prelude::*;

use super::account_dates::record_login_statement;
use super::ended_sessions::{forget_statement, note_ends_of, note_statement};
use crate::db::connection::AnyConnection;
use crate::db::connection::statement::{Statement, Value, run_counting};
use crate::db::schema::{account_dates, sessions, users};
use crate::db::{CLOCK_SLACK, DB, DbError, LoginSideEffects};
use crate::domain::{
    Client, Email, HashedPassword, SessionDigest, SessionEnd, SessionLevel, SessionPublicId,
    SessionUser, Timestamp, UserId,
};

/// Which sessions a login ends. The bounds are the user, the new session, and how many others stay.
const SURPLUS: &str = "user_id = $1 AND digest <> $2 AND public_id <= (\
     SELECT public_id FROM sessions WHERE user_id = $1 AND digest <> $2 \
     ORDER BY public_id DESC LIMIT 1 OFFSET $3)";

/// A session to open.
#[derive(Debug, Clone, Copy)]
pub struct NewSession<'a> {
    /// The user who logs in.
    pub user_id: UserId,
    /// The digest of the session's id.
    pub digest: &'a SessionDigest,
    /// The client that opens it.
    pub client: &'a Client,
    /// How the user has authenticated.
    pub level: SessionLevel,
}

/// Why no session was opened.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// The user does not exist any more.
    #[error("the user does not exist")]
    NoSuchUser,
    /// The account is disabled.
    #[error("the account is disabled")]
    Disabled,
    /// The stored password is not the one that was verified.
    #[error("the password was replaced")]
    PasswordReplaced,
    /// The user has a second factor, which the session's level does not include.
    #[error("a second factor is required")]
    SecondFactorRequired,
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// A valid session that was looked up.
#[derive(Debug, Clone)]
pub struct ActiveSession {
    /// The user who logged in.
    pub user: SessionUser,
    /// The last recorded use.
    pub last_seen_at: Timestamp,
}

impl DB {
    /// Opens a session, and ends the user's oldest sessions beyond the allowed number. `checked`
    /// is the stored password against which the login was verified: if it was replaced meanwhile,
    /// or the user has a second factor that the session's level does not include, no session is
    /// opened. Also writes the side effects of the login. Returns how many sessions
    /// it ended. Blocks for one transaction, and for a lookup if it opens none.
    ///
    /// # Errors
    /// [`SessionError`] with the reason; then nothing was written.
    pub fn add_session(
        &self,
        new: &NewSession<'_>,
        checked: Option<&HashedPassword>,
        side_effects: &LoginSideEffects,
    ) -> Result<usize, SessionError> {
        let added = self.write_locking(new.user_id, |conn| {
            self.add_session_within(conn, new, checked, side_effects)
        });
        let error = match added {
            Ok(ended) => return Ok(ended),
            Err(error @ DbError::NoResultFound) => error,
            Err(error) => return Err(error.into()),
        };
        let user: Option<(String, Option<i64>)> = self.read(|conn| {
            users::table
                .left_join(account_dates::table)
                .filter(users::id.eq(new.user_id.get()))
                .select((
                    users::hashed_password,
                    account_dates::disabled_at.nullable(),
                ))
                .get_result(conn)
                .optional()
        })?;
        Err(match (user, checked) {
            (None, _) => SessionError::NoSuchUser,
            (Some((_, Some(_))), _) => SessionError::Disabled,
            (Some((stored, None)), Some(checked)) if stored != checked.expose() => {
                SessionError::PasswordReplaced
            }
            // The only condition that is left.
            (Some((_, None)), Some(_)) => SessionError::SecondFactorRequired,
            // Enabled again since.
            (Some((_, None)), None) => error.into(),
        })
    }

    /// Adds a session as [`DB::add_session`] does, within a transaction that has locked the user's
    /// row.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if no session may be opened; the caller rolls back.
    pub(in crate::db) fn add_session_within(
        &self,
        conn: &mut AnyConnection,
        new: &NewSession<'_>,
        checked: Option<&HashedPassword>,
        side_effects: &LoginSideEffects,
    ) -> Result<usize, DbError> {
        let now = self.settings.clock.now();
        let kept = self.settings.sessions.kept_per_user(self.settings.mode) - 1;
        let surplus = [
            Value::number(new.user_id.get()),
            Value::Bytes(new.digest.as_bytes().to_vec()),
            Value::number(i64::from(kept)),
        ];
        let note = note_statement(SURPLUS, surplus.clone(), SessionEnd::NewerLogin, now);
        let end = Statement::new(format!("DELETE FROM sessions WHERE {SURPLUS}"), surplus);
        let login = record_login_statement(new.user_id, new.client.language(), now);
        let mut statements = vec![
            claim_user_statement(new, checked),
            self.insert_session_statement(new),
        ];
        // The note has a row for each session that ends.
        let counted = statements.len();
        statements.extend([note, login]);
        statements.extend(self.side_effect_statements(conn, new.user_id, side_effects)?);
        let then = [end, forget_statement(new.user_id)];
        let ended = run_counting(statements, counted, then, conn)?;
        ended.ok_or(DbError::NoResultFound)
    }

    /// Looks up a valid session with its user. It reads one row by its primary key, so that the
    /// plan does not depend on statistics. Blocks for one lookup.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the session does not exist, has ended or has expired.
    pub fn find_session(&self, digest: &SessionDigest) -> Result<ActiveSession, DbError> {
        let valid = self.validity();
        self.read(|conn| {
            let query = sessions::table
                .filter(sessions::digest.eq(digest.as_bytes()))
                .filter(valid.holds())
                .select((
                    sessions::user_id,
                    sessions::email,
                    sessions::last_seen_at,
                    sessions::level,
                ));
            // The hot path: with the multi-connection, Diesel would generate the SQL text for each
            // pass over the query, which takes 4 of 11 microseconds on SQLite.
            match conn {
                AnyConnection::Sqlite(conn) => query.get_result::<(i64, String, i64, i64)>(conn),
                AnyConnection::Postgres(conn) => query.get_result(conn),
            }
            .optional()
        })?
        .map(|(user_id, email, last_seen_at, level)| ActiveSession {
            user: SessionUser {
                id: UserId::new(user_id),
                email: Email::from_stored(email),
                level: SessionLevel::from_stored(level),
            },
            last_seen_at: Timestamp::from_seconds(last_seen_at),
        })
        .ok_or(DbError::NoResultFound)
    }

    /// Ends one session and returns its user. Blocks for one transaction.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the session is not valid.
    pub fn end_session(&self, digest: &SessionDigest) -> Result<UserId, DbError> {
        let valid = self.validity();
        self.write(|conn| {
            let user_id: i64 = sessions::table
                .filter(sessions::digest.eq(digest.as_bytes()))
                .filter(valid.holds())
                .select(sessions::user_id)
                .get_result(conn)
                .optional()?
                .ok_or(DbError::NoResultFound)?;
            sync_legacy_columns(conn, UserId::new(user_id), None)?;
            let one = [Value::Bytes(digest.as_bytes().to_vec())];
            let why = (SessionEnd::LoggedOut, self.settings.clock.now());
            note_ends_of(conn, UserId::new(user_id), ("digest = $1", one), why)?;
            let session = sessions::table.filter(sessions::digest.eq(digest.as_bytes()));
            if diesel::delete(session).execute(conn)? == 0 {
                return Err(DbError::NoResultFound);
            }
            sync_newest_session(conn, UserId::new(user_id))?;
            Ok(UserId::new(user_id))
        })
    }

    /// Writes the last uses of sessions. Skips sessions that have ended, and never moves a last
    /// use backwards. Blocks for one transaction.
    ///
    /// # Errors
    /// Only if the database fails; then nothing is written.
    pub fn touch_sessions(&self, uses: &[(SessionDigest, Timestamp)]) -> Result<(), DbError> {
        self.write(|conn| {
            for (digest, used_at) in uses {
                let session = sessions::table
                    .filter(sessions::digest.eq(digest.as_bytes()))
                    .filter(sessions::last_seen_at.lt(used_at.seconds()));
                diesel::update(session)
                    .set(sessions::last_seen_at.eq(used_at.seconds()))
                    .execute(conn)?;
            }
            Ok(())
        })
    }

    pub(in crate::db) fn insert_session(
        &self,
        conn: &mut AnyConnection,
        new: &NewSession<'_>,
    ) -> Result<(), DbError> {
        self.insert_session_statement(new).run(conn)?;
        Ok(())
    }

    /// The statement that inserts a session.
    fn insert_session_statement(&self, new: &NewSession<'_>) -> Statement {
        let now = self.settings.clock.now();
        let expires_at = now.plus(self.settings.sessions.session_lifetime);
        let cleanup_at = expires_at.min(now.plus(self.settings.sessions.idle()));
        Statement::new(
            "INSERT INTO sessions (digest, public_id, user_id, email, created_at, last_seen_at, \
             expires_at, cleanup_at, ip, user_agent, level) \
             SELECT $1, $2, id, email, $4, $4, $5, $6, $7, $8, $9 FROM users WHERE id = $3",
            [
                Value::Bytes(new.digest.as_bytes().to_vec()),
                Value::Bytes(SessionPublicId::generate(now).as_bytes().to_vec()),
                Value::number(new.user_id.get()),
                Value::number(now.seconds()),
                Value::number(expires_at.seconds()),
                Value::number(cleanup_at.seconds()),
                Value::Text(new.client.address().map(|ip| ip.to_string())),
                Value::Text(new.client.user_agent().map(str::to_owned)),
                Value::number(new.level.number()),
            ],
        )
    }

    pub(in crate::db) fn validity(&self) -> Validity {
        let now = self.settings.clock.now();
        Validity {
            now: now.seconds(),
            used_after: now.minus(self.settings.sessions.idle()).seconds(),
            made_before: now.plus(CLOCK_SLACK).seconds(),
        }
    }
}

/// The bounds within which a session is valid now.
#[derive(Clone, Copy)]
pub(in crate::db) struct Validity {
    pub(in crate::db) now: i64,
    pub(in crate::db) used_after: i64,
    pub(in crate::db) made_before: i64,
}

impl Validity {
    /// The condition on a row: it is neither expired nor idle for too long, and it was not stamped
    /// in the future by a wrong clock.
    #[diesel::dsl::auto_type(no_type_alias)]
    pub(in crate::db) fn holds(self) -> _ {
        let (now, used_after, made_before): (i64, i64, i64) =
            (self.now, self.used_after, self.made_before);
        sessions::expires_at
            .gt(now)
            .and(sessions::last_seen_at.gt(used_after))
            .and(sessions::created_at.le(made_before))
    }
}

/// The statement that makes a session the user's newest, and locks the user's row. It changes no
/// row, and so no session is opened, if the password was replaced meanwhile, if the user is
/// disabled, or if the user has a second factor that the session's level does not include.
fn claim_user_statement(new: &NewSession<'_>, checked: Option<&HashedPassword>) -> Statement {
    // A disabled account gets no session in any way.
    let mut sql = "UPDATE users SET session_id = $1 WHERE id = $2 \
         AND NOT EXISTS (SELECT 1 FROM account_dates \
         WHERE user_id = $2 AND disabled_at IS NOT NULL)"
        .to_owned();
    let mut values = vec![
        Value::Text(Some(new.digest.to_hex())),
        Value::number(new.user_id.get()),
    ];
    if let Some(checked) = checked {
        sql.push_str(" AND hashed_password = $3");
        values.push(Value::text(checked.expose()));
        if new.level == SessionLevel::Password {
            sql.push_str(
                " AND NOT EXISTS (SELECT 1 FROM totp \
                 WHERE user_id = $2 AND confirmed_at IS NOT NULL) \
                 AND NOT EXISTS (SELECT 1 FROM passkeys WHERE user_id = $2)",
            );
        }
    }
    sql.push_str(" RETURNING id");
    Statement::new(sql, values)
}

/// Sets `users.session_id`, the column of the reference service, to the digest of the newest
/// session, and returns the stored password; none if the user does not exist. Every change of a
/// user's sessions begins here, because it locks the user's row before any session's.
pub(in crate::db) fn sync_legacy_columns(
    conn: &mut AnyConnection,
    user_id: UserId,
    newest: Option<&SessionDigest>,
) -> Result<Option<String>, DbError> {
    let user = users::table.filter(users::id.eq(user_id.get()));
    Ok(diesel::update(user)
        .set(users::session_id.eq(newest.map(SessionDigest::to_hex)))
        .returning(users::hashed_password)
        .get_result(conn)
        .optional()?)
}

/// Clears the same column of users whose newest session is among the sessions that end. It locks
/// the rows of all owners, as every change of sessions does first: a logout meanwhile comes before
/// or after.
pub(in crate::db) fn forget_newest(
    conn: &mut AnyConnection,
    owners: &[i64],
    digests: &[&[u8]],
) -> QueryResult<()> {
    if let AnyConnection::Postgres(conn) = conn {
        let rows = users::table.filter(users::id.eq_any(owners));
        let rows = rows.order(users::id).select(users::id).for_no_key_update();
        rows.execute(conn)?;
    }
    let hex = digests.iter().map(|digest| HEXLOWER.encode(digest));
    let newest = users::table
        .filter(users::id.eq_any(owners))
        .filter(users::session_id.eq_any(hex.collect::<Vec<_>>()));
    diesel::update(newest)
        .set(users::session_id.eq(None::<String>))
        .execute(conn)?;
    Ok(())
}

/// Updates the legacy columns of a user to the newest of the remaining sessions.
pub(in crate::db) fn sync_newest_session(
    conn: &mut AnyConnection,
    user_id: UserId,
) -> Result<(), DbError> {
    let newest: Option<Vec<u8>> = sessions::table
        .filter(sessions::user_id.eq(user_id.get()))
        .order(sessions::public_id.desc())
        .select(sessions::digest)
        .limit(1)
        .get_result(conn)
        .optional()?;
    let newest = newest.as_deref().and_then(SessionDigest::from_bytes);
    sync_legacy_columns(conn, user_id, newest.as_ref())?;
    Ok(())
}
