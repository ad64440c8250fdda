//! New invitations, by a command or by an administrator.

use std::time::Duration;

use crate::auth::{ActRefusal, AuthError};
use crate::db::DB;
use crate::domain::{Email, GroupName, InvitationToken, Language};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// An invitation to be created.
#[derive(Debug, Clone)]
pub struct NewInvitation {
    /// The address that it is for, which counts as verified; none for any address.
    pub email: Option<Email>,
    /// The group that the new user joins.
    pub group: Option<GroupName>,
    /// How many days the link is valid.
    pub days: u32,
    /// The language of the email to the address.
    pub language: Language,
}

/// An invitation that was created.
#[derive(Debug)]
pub struct Invited {
    /// Its number.
    pub id: i64,
    /// The token of its link. The database has only its digest.
    pub token: InvitationToken,
}

/// Creates an invitation. Blocks for a lookup and a write.
///
/// # Errors
/// [`ActRefusal::NoSuchGroup`] as [`AuthError::ActRefused`], and those of the database.
pub fn create_invitation(db: &DB, new: &NewInvitation) -> Result<Invited, AuthError> {
    let token = InvitationToken::generate();
    let expires_at = db.clock().now().plus(DAY * new.days);
    let (email, group) = (new.email.as_ref(), new.group.as_ref());
    if let Some(group) = group
        && !db.has_group(group)?
    {
        return Err(ActRefusal::NoSuchGroup(group.clone()).into());
    }
    let id = db.add_invitation(&token.digest(), email, group, expires_at)?;
    Ok(Invited { id, token })
}
