//! Whether a user has a second factor, of any kind.

use super::{passkeys, totp};
use crate::db::DbError;
use crate::db::connection::AnyConnection;
use crate::domain::UserId;

/// Whether a login of the user needs a second factor.
pub(in crate::db) fn has_factor(
    conn: &mut AnyConnection,
    user_id: UserId,
) -> Result<bool, DbError> {
    Ok(totp::is_confirmed(conn, user_id)? || passkeys::count(conn, user_id)? > 0)
}
