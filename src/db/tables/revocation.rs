//! Revokes everything that gives access to an account.

use diesel::prelude::*;

use super::ended_sessions::end_sessions_of;
use super::pending_logins::end_pending;
use crate::db::DbError;
use crate::db::connection::AnyConnection;
use crate::db::schema::{email_tokens, known_clients, outbox, password_resets, users};
use crate::domain::{SessionEnd, Timestamp, UserId};

/// Ends the sessions of a user, forgets the known clients, and revokes the tokens. The caller has
/// locked the user's row.
pub(in crate::db) fn revoke_all(
    conn: &mut AnyConnection,
    user_id: UserId,
    why: (SessionEnd, Timestamp),
) -> Result<(), DbError> {
    let id = user_id.get();
    diesel::update(users::table.filter(users::id.eq(id)))
        .set(users::session_id.eq(None::<String>))
        .execute(conn)?;
    end_sessions_of(conn, user_id, None, why)?;
    diesel::delete(known_clients::table.filter(known_clients::user_id.eq(id))).execute(conn)?;
    revoke_tokens(conn, user_id)
}

/// Revokes the tokens of a user that went out by mail, the queued mails with tokens, and the logins
/// that wait for a second factor. The caller has locked the user's row. Tokens that undo a change
/// of address stay valid: with them the owner takes the account back from an attacker.
pub(in crate::db) fn revoke_tokens(
    conn: &mut AnyConnection,
    user_id: UserId,
) -> Result<(), DbError> {
    let id = user_id.get();
    diesel::update(users::table.filter(users::id.eq(id)))
        .set(users::reset_token.eq(None::<String>))
        .execute(conn)?;
    diesel::delete(password_resets::table.filter(password_resets::user_id.eq(id))).execute(conn)?;
    diesel::delete(email_tokens::table.filter(email_tokens::user_id.eq(id))).execute(conn)?;
    end_pending(conn, user_id)?;
    let mails = outbox::table
        .filter(outbox::user_id.eq(id))
        .filter(outbox::has_token.ne(0));
    diesel::delete(mails).execute(conn)?;
    Ok(())
}
