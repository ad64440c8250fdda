//! The table `secret_key_check`: the text by which a start recognizes the secret key, and the
//! replacement of the key.

use diesel::prelude::*;

use crate::db::connection::AnyConnection;
use crate::db::connection::statement::{Statement, Value};
use crate::db::schema::{secret_key_check, totp};
use crate::db::{DB, DbError};
use crate::domain::UserId;

/// The number of the one row.
const ROW: i64 = 1;

impl DB {
    /// The sealed text by which the key of this database is recognised; none before the first
    /// second factor. Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn secret_key_check(&self) -> Result<Option<Vec<u8>>, DbError> {
        self.read(|conn| {
            secret_key_check::table
                .filter(secret_key_check::id.eq(ROW))
                .select(secret_key_check::sealed)
                .get_result(conn)
                .optional()
        })
    }

    /// Encrypts every secret again, and the text by which the key is recognised: all or none.
    /// Returns how many there were. Blocks for a write.
    ///
    /// # Errors
    /// [`DbError`] if the database fails, or the error of `seal`, in the inner result; then
    /// nothing was changed.
    pub fn reseal_secrets<E>(
        &self,
        check: &[u8],
        seal: impl Fn(UserId, &[u8]) -> Result<Vec<u8>, E>,
    ) -> Result<Result<usize, E>, DbError> {
        let failure = std::cell::RefCell::new(None);
        let resealed = self.write(|conn| {
            // First: a transaction that stores a secret reads this row under a lock.
            let row = secret_key_check::table.filter(secret_key_check::id.eq(ROW));
            diesel::update(row)
                .set(secret_key_check::sealed.eq(check))
                .execute(conn)?;
            let secrets: Vec<(i64, Vec<u8>)> = totp::table
                .select((totp::user_id, totp::secret))
                .order(totp::user_id)
                .load(conn)?;
            for (user_id, secret) in &secrets {
                match seal(UserId::new(*user_id), secret) {
                    Ok(sealed) => {
                        diesel::update(totp::table.filter(totp::user_id.eq(user_id)))
                            .set(totp::secret.eq(sealed))
                            .execute(conn)?;
                    }
                    Err(error) => {
                        failure.replace(Some(error));
                        return Err(DbError::NoResultFound);
                    }
                }
            }
            Ok(secrets.len())
        });
        match (failure.into_inner(), resealed) {
            (Some(error), _) => Ok(Err(error)),
            (None, resealed) => Ok(Ok(resealed?)),
        }
    }
}

/// Stores the text by which the key is recognized, unless there is one, and locks the row. Returns
/// whether the stored text is this one. If it is not, the key was replaced meanwhile.
pub(in crate::db) fn claim_key_check(
    conn: &mut AnyConnection,
    sealed: &[u8],
) -> Result<bool, DbError> {
    let insert = Statement::<()>::new(
        "INSERT INTO secret_key_check (id, sealed) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING",
        [Value::number(ROW), Value::Bytes(sealed.to_vec())],
    );
    insert.run(conn)?;
    let row = secret_key_check::table
        .filter(secret_key_check::id.eq(ROW))
        .filter(secret_key_check::sealed.eq(sealed));
    let locked = diesel::update(row)
        .set(secret_key_check::id.eq(ROW))
        .execute(conn)?;
    Ok(locked == 1)
}

/// Forgets the key, once no secret is encrypted under it.
pub(in crate::db) fn forget_key(conn: &mut AnyConnection) -> Result<(), DbError> {
    let row = secret_key_check::table.filter(secret_key_check::id.eq(ROW));
    diesel::delete(row).execute(conn)?;
    Ok(())
}
