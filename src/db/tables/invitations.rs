//! The table `invitations`: links with which a person may register once.

use diesel::prelude::*;

use crate::db::connection::AnyConnection;
use crate::db::schema::invitations;
use crate::db::tables::groups::{insert_member, of_kept_group};
use crate::db::tables::verified_emails::verify;
use crate::db::{CLOCK_SLACK, DB, DbError};
use crate::domain::{Email, GroupName, Invitation, InvitationDigest, Timestamp, UserId};

impl DB {
    /// Stores an invitation, and returns its number. Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails, or there is no such group.
    pub fn add_invitation(
        &self,
        digest: &InvitationDigest,
        email: Option<&Email>,
        group: Option<&GroupName>,
        expires_at: Timestamp,
    ) -> Result<i64, DbError> {
        let now = self.settings.clock.now();
        self.write(|conn| {
            diesel::insert_into(invitations::table)
                .values((
                    invitations::digest.eq(digest.as_bytes()),
                    invitations::email.eq(email.map(Email::as_str)),
                    invitations::group_name.eq(group.map(GroupName::as_str)),
                    invitations::created_at.eq(now.seconds()),
                    invitations::expires_at.eq(expires_at.seconds()),
                ))
                .execute(conn)?;
            let own = invitations::table.filter(invitations::digest.eq(digest.as_bytes()));
            Ok(own.select(invitations::id).get_result(conn)?)
        })
    }

    /// Finds a valid invitation. Blocks for one lookup.
    ///
    /// # Errors
    /// [`DbError::NoResultFound`] if it is not valid.
    pub fn find_invitation(&self, digest: &InvitationDigest) -> Result<Invitation, DbError> {
        let now = self.settings.clock.now();
        self.read(|conn| find(conn, digest, now))
    }

    /// A page of the invitations that are not used, the oldest first: at most `limit`, from the
    /// number after `after` on, also those that have expired and are not removed yet. Blocks for
    /// one lookup.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn invitations(&self, after: Option<i64>, limit: u32) -> Result<Vec<Invitation>, DbError> {
        let rows: Vec<Row> = self.read(|conn| {
            invitations::table
                .filter(invitations::id.gt(after.unwrap_or(i64::MIN)))
                .order(invitations::id)
                .select(COLUMNS)
                .limit(i64::from(limit))
                .load(conn)
        })?;
        Ok(rows.into_iter().map(invitation).collect())
    }

    /// Revokes an invitation. Returns whether there was one of that number. Blocks for one write.
    ///
    /// # Errors
    /// Only if the database fails.
    pub fn revoke_invitation(&self, id: i64) -> Result<bool, DbError> {
        self.write(|conn| {
            let row = invitations::table.filter(invitations::id.eq(id));
            Ok(diesel::delete(row).execute(conn)? > 0)
        })
    }
}

/// Uses an invitation for a new user within a transaction. If two registrations use it at once,
/// only one of them finds it. The user joins its group, and the address that it names becomes
/// verified.
///
/// # Errors
/// [`DbError::NoResultFound`] if it is not valid, or is for another address.
pub(in crate::db) fn accept(
    conn: &mut AnyConnection,
    digest: &InvitationDigest,
    user_id: UserId,
    email: &Email,
    now: Timestamp,
) -> Result<(), DbError> {
    let invitation = find(conn, digest, now)?;
    let row = invitations::table.filter(invitations::id.eq(invitation.id));
    if !invitation.is_for(email) || diesel::delete(row).execute(conn)? == 0 {
        return Err(DbError::NoResultFound);
    }
    if let Some(group) = &invitation.group {
        insert_member(conn, group, user_id)?;
    }
    if invitation.email.is_some() {
        verify(conn, user_id, &email.key(), now)?;
    }
    Ok(())
}

type Row = (i64, Option<String>, Option<String>, i64, i64);

const COLUMNS: (
    invitations::id,
    invitations::email,
    invitations::group_name,
    invitations::created_at,
    invitations::expires_at,
) = (
    invitations::id,
    invitations::email,
    invitations::group_name,
    invitations::created_at,
    invitations::expires_at,
);

fn find(
    conn: &mut AnyConnection,
    digest: &InvitationDigest,
    now: Timestamp,
) -> Result<Invitation, DbError> {
    let row: Option<Row> = invitations::table
        .filter(invitations::digest.eq(digest.as_bytes()))
        .filter(invitations::expires_at.gt(now.seconds()))
        .filter(invitations::created_at.le(now.plus(CLOCK_SLACK).seconds()))
        .filter(of_kept_group())
        .select(COLUMNS)
        .get_result(conn)
        .optional()?;
    row.map(invitation).ok_or(DbError::NoResultFound)
}

fn invitation((id, email, group, created_at, expires_at): Row) -> Invitation {
    Invitation {
        id,
        email: email.map(Email::from_stored),
        group: group.map(GroupName::from_stored),
        created_at: Timestamp::from_seconds(created_at),
        expires_at: Timestamp::from_seconds(expires_at),
    }
}
