//! Registrations: the new user, and the mail to the owner of the address.

use crate::db::connection::AnyConnection;
use crate::db::tables::invitations::accept;
use crate::db::tables::outbox::{RateLimitedMail, queue_within};
use crate::db::tables::previous_emails::is_reserved;
use crate::db::tables::users::owner_of;
use crate::db::{DB, DbError};
use crate::domain::{Email, HashedPassword, InvitationDigest, Language, User};

/// An account to register.
#[derive(Debug, Clone, Copy)]
pub struct NewUserRow<'a> {
    /// The address.
    pub email: &'a Email,
    /// The hash of the password.
    pub hashed_password: &'a HashedPassword,
    /// The mail to the new user.
    pub mail: Option<&'a RateLimitedMail>,
    /// The language of the mails to the user, if it is known.
    pub language: Option<Language>,
    /// The invitation that the registration uses.
    pub invitation: Option<&'a InvitationDigest>,
}

/// The outcome of a registration that must not reveal whether the address is taken.
#[derive(Debug, Clone)]
pub enum RegistrationOutcome {
    /// The user was added.
    New(User),
    /// The address is taken. Its owner gets a mail, as far as the budget allows.
    Concealed,
}

impl DB {
    /// Adds a user and queues the mail. Blocks for one transaction.
    ///
    /// # Errors
    /// [`DbError::AlreadyExists`] if the email is taken, in this or another spelling, or is
    /// reserved as a former address of another user, and [`DbError::NoResultFound`] if the
    /// invitation is not good (any more).
    pub fn register(&self, new: &NewUserRow<'_>) -> Result<User, DbError> {
        let now = self.settings.clock.now();
        self.write(|conn| {
            let user = self.insert_invited(conn, new)?;
            if let Some(mail) = new.mail {
                queue_within(conn, Some(user.id), mail, now)?;
            }
            Ok(user)
        })
    }

    /// The same, but for a taken address it queues a mail to its owner instead of failing. For a
    /// new address without a mail it queues a decoy, so that both cases count and write the
    /// same. Blocks for one transaction.
    ///
    /// # Errors
    /// [`DbError::AlreadyExists`] if the email was taken at the same moment, and
    /// [`DbError::NoResultFound`] if the invitation is not good (any more).
    pub fn register_concealed(
        &self,
        new: &NewUserRow<'_>,
        to_owner: &RateLimitedMail,
        decoy: &RateLimitedMail,
    ) -> Result<RegistrationOutcome, DbError> {
        let now = self.settings.clock.now();
        let key = new.email.key();
        self.write(|conn| {
            let owner = owner_of(conn, &key)?;
            if owner.is_some() || is_reserved(conn, &key, None, now)? {
                queue_within(conn, owner, to_owner, now)?;
                return Ok(RegistrationOutcome::Concealed);
            }
            let user = self.insert_invited(conn, new)?;
            match new.mail {
                Some(mail) => queue_within(conn, Some(user.id), mail, now)?,
                None => queue_within(conn, None, decoy, now)?,
            };
            Ok(RegistrationOutcome::New(user))
        })
    }

    fn insert_invited(
        &self,
        conn: &mut AnyConnection,
        new: &NewUserRow<'_>,
    ) -> Result<User, DbError> {
        let user = self.insert_user(conn, new.email, new.hashed_password, new.language)?;
        if let Some(invitation) = new.invitation {
            accept(
                conn,
                invitation,
                user.id,
                new.email,
                self.settings.clock.now(),
            )?;
        }
        Ok(user)
    }
}
