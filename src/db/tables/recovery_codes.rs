//! The table `recovery_codes`: digests of the unused codes.

use diesel::prelude::*;

use crate::db::DbError;
use crate::db::connection::AnyConnection;
use crate::db::schema::recovery_codes;
use crate::domain::{RecoveryCodeDigest, Timestamp, UserId};

/// Replaces the codes of a user. The old codes become invalid.
pub(in crate::db) fn replace(
    conn: &mut AnyConnection,
    user_id: UserId,
    codes: &[RecoveryCodeDigest],
    now: Timestamp,
) -> Result<(), DbError> {
    remove_all(conn, user_id)?;
    for code in codes {
        diesel::insert_into(recovery_codes::table)
            .values((
                recovery_codes::user_id.eq(user_id.get()),
                recovery_codes::digest.eq(code.as_bytes()),
                recovery_codes::created_at.eq(now.seconds()),
            ))
            .execute(conn)?;
    }
    Ok(())
}

/// Uses up a code. Returns whether it was valid.
pub(in crate::db) fn use_code(
    conn: &mut AnyConnection,
    user_id: UserId,
    code: &RecoveryCodeDigest,
) -> Result<bool, DbError> {
    let code = recovery_codes::table
        .filter(recovery_codes::user_id.eq(user_id.get()))
        .filter(recovery_codes::digest.eq(code.as_bytes()));
    Ok(diesel::delete(code).execute(conn)? == 1)
}

/// How many codes a user has left.
pub(in crate::db) fn count(conn: &mut AnyConnection, user_id: UserId) -> QueryResult<i64> {
    recovery_codes::table
        .filter(recovery_codes::user_id.eq(user_id.get()))
        .count()
        .get_result(conn)
}

/// Removes the codes of a user.
pub(in crate::db) fn remove_all(conn: &mut AnyConnection, user_id: UserId) -> Result<(), DbError> {
    let codes = recovery_codes::table.filter(recovery_codes::user_id.eq(user_id.get()));
    diesel::delete(codes).execute(conn)?;
    Ok(())
}

/// Removes the codes of a user that were made at a given time or later.
pub(in crate::db) fn remove_since(
    conn: &mut AnyConnection,
    user_id: UserId,
    since: Timestamp,
) -> Result<(), DbError> {
    let newer = recovery_codes::table
        .filter(recovery_codes::user_id.eq(user_id.get()))
        .filter(recovery_codes::created_at.ge(since.seconds()));
    diesel::delete(newer).execute(conn)?;
    Ok(())
}
