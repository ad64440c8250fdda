//! The table `passkeys`: the credentials of users' authenticators.

use diesel::prelude::*;

use crate::db::connection::AnyConnection;
use crate::db::schema::passkeys;
use crate::db::{DB, DbError};
use crate::domain::{
    PasskeyId, PasskeyInfo, PasskeyName, StoredPasskey, Timestamp, UserHandle, UserId,
};

/// A passkey to add.
#[derive(Debug, Clone, Copy)]
pub struct NewPasskey<'a> {
    /// The host that it is for.
    pub rp_id: &'a str,
    /// The id that the authenticator gave it.
    pub credential_id: &'a [u8],
    /// The public key, as COSE has it.
    pub public_key: &'a [u8],
    /// The signature counter.
    pub sign_count: u32,
    /// Whether it may be copied, and whether there is a copy.
    pub backup: (bool, bool),
    /// How browsers can reach the authenticator.
    pub transports: &'a [String],
    /// The owner's name for it.
    pub name: &'a PasskeyName,
}

/// A use of a passkey, whose signature was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasskeyUse {
    /// The id of the passkey.
    pub id: PasskeyId,
    /// The signature counter.
    pub sign_count: u32,
    /// Whether there is a copy of it.
    pub backed_up: bool,
}

/// The columns of [`StoredPasskey`].
type Row = (
    i64,
    i64,
    String,
    Vec<u8>,
    Vec<u8>,
    Vec<u8>,
    i64,
    i64,
    String,
);

fn stored(row: Row) -> Option<StoredPasskey> {
    let (id, user_id, rp_id, credential_id, handle, public_key, count, eligible, transports) = row;
    Some(StoredPasskey {
        id: PasskeyId::new(id),
        user_id: UserId::new(user_id),
        rp_id,
        credential_id,
        user_handle: UserHandle::from_bytes(&handle)?,
        public_key,
        sign_count: u32::try_from(count).ok()?,
        backup_eligible: eligible != 0,
        transports: transports.split_whitespace().map(str::to_owned).collect(),
    })
}

impl DB {
    /// Finds a passkey by the id that its authenticator gave it. Blocks for one lookup.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if there is none.
    pub fn find_passkey(&self, credential_id: &[u8]) -> Result<StoredPasskey, DbError> {
        let row: Option<Row> = self.read(|conn| {
            passkeys::table
                .filter(passkeys::credential_id.eq(credential_id))
                .select(columns())
                .get_result(conn)
                .optional()
        })?;
        row.and_then(stored).ok_or(DbError::NoResultFound)
    }

    /// The passkeys of a user, as they are stored, for a host. Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn passkeys_for(
        &self,
        user_id: UserId,
        rp_id: &str,
    ) -> Result<Vec<StoredPasskey>, DbError> {
        let rows: Vec<Row> = self.read(|conn| {
            passkeys::table
                .filter(passkeys::user_id.eq(user_id.get()))
                .filter(passkeys::rp_id.eq(rp_id))
                .order(passkeys::id)
                .select(columns())
                .load(conn)
        })?;
        Ok(rows.into_iter().filter_map(stored).collect())
    }

    /// The passkeys of a user as their owner sees them, in the order in which they were added.
    /// Blocks for one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn passkeys_of(&self, user_id: UserId) -> Result<Vec<PasskeyInfo>, DbError> {
        let rows: Vec<(i64, String, String, i64, i64, Option<i64>)> = self.read(|conn| {
            passkeys::table
                .filter(passkeys::user_id.eq(user_id.get()))
                .order(passkeys::id)
                .select((
                    passkeys::id,
                    passkeys::name,
                    passkeys::rp_id,
                    passkeys::backed_up,
                    passkeys::created_at,
                    passkeys::last_used_at,
                ))
                .load(conn)
        })?;
        let info = |(id, name, rp_id, backed_up, created_at, last_used_at)| PasskeyInfo {
            id: PasskeyId::new(id),
            name: PasskeyName::from_stored(name),
            rp_id,
            backed_up: backed_up != 0,
            created_at: Timestamp::from_seconds(created_at),
            last_used_at: Option::map(last_used_at, Timestamp::from_seconds),
        };
        Ok(rows.into_iter().map(info).collect())
    }

    /// A host other than this one for which there are passkeys, and how many it has. Blocks for
    /// one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn passkeys_of_another_host(&self, rp_id: &str) -> Result<Option<(String, u64)>, DbError> {
        let found: Option<(String, i64)> = self.read(|conn| {
            passkeys::table
                .filter(passkeys::rp_id.ne(rp_id))
                .group_by(passkeys::rp_id)
                .select((passkeys::rp_id, diesel::dsl::count(passkeys::id)))
                .order(passkeys::rp_id)
                .limit(1)
                .get_result(conn)
                .optional()
        })?;
        Ok(found.map(|(host, count)| (host, u64::try_from(count).unwrap_or(0))))
    }

    /// Counts the passkeys among the next `step` after `after`, in the order in which they were
    /// added. Also returns the last of those `step`; none if no more follow. Blocks for two
    /// lookups.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn count_passkeys(
        &self,
        after: Option<PasskeyId>,
        step: u32,
    ) -> Result<(u64, Option<PasskeyId>), DbError> {
        let (end, count) = self.read(|conn| {
            let behind = passkeys::table.filter(passkeys::id.gt(after.map_or(0, PasskeyId::get)));
            let end: Option<i64> = behind
                .order(passkeys::id)
                .select(passkeys::id)
                .limit(1)
                .offset(i64::from(step.saturating_sub(1)))
                .get_result(conn)
                .optional()?;
            let count: i64 = behind
                .filter(passkeys::id.le(end.unwrap_or(i64::MAX)))
                .count()
                .get_result(conn)?;
            QueryResult::Ok((end, count))
        })?;
        Ok((u64::try_from(count).unwrap_or(0), end.map(PasskeyId::new)))
    }

    /// Gives a passkey of a user another name. Blocks for one write.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if the user has no such passkey.
    pub fn rename_passkey(
        &self,
        user_id: UserId,
        id: PasskeyId,
        name: &PasskeyName,
    ) -> Result<(), DbError> {
        self.write(|conn| {
            let passkey = passkeys::table
                .filter(passkeys::id.eq(id.get()))
                .filter(passkeys::user_id.eq(user_id.get()));
            let renamed = diesel::update(passkey)
                .set(passkeys::name.eq(name.as_str()))
                .execute(conn)?;
            (renamed == 1).then_some(()).ok_or(DbError::NoResultFound)
        })
    }
}

#[diesel::dsl::auto_type(no_type_alias)]
fn columns() -> _ {
    (
        passkeys::id,
        passkeys::user_id,
        passkeys::rp_id,
        passkeys::credential_id,
        passkeys::user_handle,
        passkeys::public_key,
        passkeys::sign_count,
        passkeys::backup_eligible,
        passkeys::transports,
    )
}

/// Adds a passkey. Returns false if there is one with the same id already, of any user.
pub(in crate::db) fn add(
    conn: &mut AnyConnection,
    (user_id, handle): (UserId, &UserHandle),
    new: &NewPasskey<'_>,
    now: Timestamp,
) -> Result<bool, DbError> {
    let (backup_eligible, backed_up) = new.backup;
    let known: i64 = passkeys::table
        .filter(passkeys::credential_id.eq(new.credential_id))
        .count()
        .get_result(conn)?;
    if known > 0 {
        return Ok(false);
    }
    diesel::insert_into(passkeys::table)
        .values((
            passkeys::user_id.eq(user_id.get()),
            passkeys::rp_id.eq(new.rp_id),
            passkeys::credential_id.eq(new.credential_id),
            passkeys::user_handle.eq(handle.as_bytes()),
            passkeys::public_key.eq(new.public_key),
            passkeys::sign_count.eq(i64::from(new.sign_count)),
            passkeys::backup_eligible.eq(i64::from(backup_eligible)),
            passkeys::backed_up.eq(i64::from(backed_up)),
            passkeys::transports.eq(new.transports.join(" ")),
            passkeys::name.eq(new.name.as_str()),
            passkeys::created_at.eq(now.seconds()),
        ))
        .execute(conn)?;
    Ok(true)
}

/// Records a use of a passkey, by the same statement that compares its counter. Returns false if
/// the user no longer has the passkey, or if the counter has not increased. An authenticator
/// without a counter always sends 0.
pub(in crate::db) fn use_passkey(
    conn: &mut AnyConnection,
    user_id: UserId,
    used: &PasskeyUse,
    now: Timestamp,
) -> Result<bool, DbError> {
    let count = i64::from(used.sign_count);
    let passkey = passkeys::table
        .filter(passkeys::id.eq(used.id.get()))
        .filter(passkeys::user_id.eq(user_id.get()))
        .filter(passkeys::sign_count.lt(count.max(1)));
    let changed = diesel::update(passkey)
        .set((
            passkeys::sign_count.eq(count),
            passkeys::backed_up.eq(i64::from(used.backed_up)),
            passkeys::last_used_at.eq(now.seconds()),
        ))
        .execute(conn)?;
    Ok(changed == 1)
}

/// The user handle of a user's passkeys; none without passkeys.
pub(in crate::db) fn handle_of(
    conn: &mut AnyConnection,
    user_id: UserId,
) -> Result<Option<UserHandle>, DbError> {
    let handle: Option<Vec<u8>> = passkeys::table
        .filter(passkeys::user_id.eq(user_id.get()))
        .select(passkeys::user_handle)
        .limit(1)
        .get_result(conn)
        .optional()?;
    Ok(handle.as_deref().and_then(UserHandle::from_bytes))
}

/// How many passkeys a user has.
pub(in crate::db) fn count(conn: &mut AnyConnection, user_id: UserId) -> QueryResult<i64> {
    passkeys::table
        .filter(passkeys::user_id.eq(user_id.get()))
        .count()
        .get_result(conn)
}

/// Removes a passkey of a user. Returns whether there was one.
pub(in crate::db) fn remove(
    conn: &mut AnyConnection,
    user_id: UserId,
    id: PasskeyId,
) -> Result<bool, DbError> {
    let passkey = passkeys::table
        .filter(passkeys::id.eq(id.get()))
        .filter(passkeys::user_id.eq(user_id.get()));
    Ok(diesel::delete(passkey).execute(conn)? == 1)
}

/// Removes the passkeys of a user. Returns whether there were any.
pub(in crate::db) fn remove_all(
    conn: &mut AnyConnection,
    user_id: UserId,
) -> Result<bool, DbError> {
    let passkeys = passkeys::table.filter(passkeys::user_id.eq(user_id.get()));
    Ok(diesel::delete(passkeys).execute(conn)? > 0)
}

/// Removes the passkeys of a user that were added at a given time or later. Returns whether there
/// were any.
pub(in crate::db) fn remove_since(
    conn: &mut AnyConnection,
    user_id: UserId,
    since: Timestamp,
) -> Result<bool, DbError> {
    let passkeys = passkeys::table
        .filter(passkeys::user_id.eq(user_id.get()))
        .filter(passkeys::created_at.ge(since.seconds()));
    Ok(diesel::delete(passkeys).execute(conn)? > 0)
}
