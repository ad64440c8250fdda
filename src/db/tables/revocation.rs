//! Everything that lets somebody into an account ends together.

use diesel::prelude::*;

use super::pending_logins::end_pending;
use crate::db::DbError;
use crate::db::connection::AnyConnection;
use crate::db::schema::{email_tokens, known_clients, outbox, password_resets, sessions, users};
use crate::domain::UserId;

/// Ends the sessions of a user, and forgets the clients that the account knows. The caller
/// holds the user's row.
pub(in crate::db) fn revoke_all(conn: &mut AnyConnection, user_id: UserId) -> Result<(), DbError> {
    let id = user_id.get();
    diesel::update(users::table.filter(users::id.eq(id)))
        .set(users::session_id.eq(None::<String>))
        .execute(conn)?;
    diesel::delete(sessions::table.filter(sessions::user_id.eq(id))).execute(conn)?;
    diesel::delete(known_clients::table.filter(known_clients::user_id.eq(id))).execute(conn)?;
    revoke_tokens(conn, user_id)
}

/// Ends the tokens of a user that went out by mail, the mails that would take new ones out, and
/// the logins that wait for a second factor. The caller holds the user's row. What brings a former address back stays: it is the
/// owner's way out against whoever has the account now.
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
