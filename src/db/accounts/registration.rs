//! Registrations: the new user, and the mail to the owner of the address.

use diesel::prelude::*;

use crate::db::connection::AnyConnection;
use crate::db::schema::users;
use crate::db::tables::account_dates::note_registration;
use crate::db::tables::invitations::accept;
use crate::db::tables::outbox::{RateLimitedMail, queue_within};
use crate::db::tables::previous_emails::is_reserved;
use crate::db::tables::users::{COLUMNS, UserRow, owner_of, taken_or};
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
    /// Adds a user and returns it. Blocks for one transaction.
    ///
    /// # Errors
    /// [`DbError::AlreadyExists`] if the email is taken, in this or another spelling, or is
    /// reserved as a former address of another user.
    pub fn add_user(
        &self,
        email: &Email,
        hashed_password: &HashedPassword,
    ) -> Result<User, DbError> {
        self.write(|conn| self.insert_user(conn, email, hashed_password, None))
    }

    fn insert_user(
        &self,
        conn: &mut AnyConnection,
        email: &Email,
        hashed_password: &HashedPassword,
        language: Option<Language>,
    ) -> Result<User, DbError> {
        let key = email.key();
        let user: User = diesel::insert_into(users::table)
            .values((
                users::email.eq(email.as_str()),
                users::email_key.eq(key.as_str()),
                users::hashed_password.eq(hashed_password.expose()),
            ))
            .returning(COLUMNS)
            .get_result::<UserRow>(conn)
            .map(User::from)
            .map_err(|error| taken_or(error, email))?;
        // After the insert, which waits for a user who is just giving the address up.
        if is_reserved(conn, &key, None, self.settings.clock.now())? {
            return Err(DbError::AlreadyExists(email.clone()));
        }
        note_registration(conn, user.id, language, self.settings.clock.now())?;
        Ok(user)
    }

    /// Adds a user and queues the mail. Blocks for one transaction.
    ///
    /// # Errors
    /// [`DbError::AlreadyExists`] if the email is taken, in this or another spelling, or is
    /// reserved as a former address of another user, and [`DbError::NoResultFound`] if the
    /// invitation is not valid.
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

    /// Adds a user and queues the mail; for a taken address it queues a mail to its owner instead of
    /// failing. For a new address without a mail it queues a decoy, so that both cases count and write the
    /// same. Blocks for one transaction.
    ///
    /// # Errors
    /// [`DbError::AlreadyExists`] if the email was taken at the same moment, and
    /// [`DbError::NoResultFound`] if the invitation is not valid.
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
