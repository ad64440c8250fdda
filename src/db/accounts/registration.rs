//! New users, with the mail that they get, or that goes to whoever has the address already.

use crate::db::tables::outbox::{BudgetedMail, queue_within};
use crate::db::tables::previous_emails::is_reserved;
use crate::db::tables::users::owner_of;
use crate::db::{DB, DbError};
use crate::domain::{Email, HashedPassword, User};

/// An account that is to be.
#[derive(Debug, Clone, Copy)]
pub struct NewAccount<'a> {
    /// Whose.
    pub email: &'a Email,
    /// What is stored of the password.
    pub hashed_password: &'a HashedPassword,
    /// What the owner of the address gets.
    pub mail: Option<&'a BudgetedMail>,
}

/// What became of a registration that does not tell.
#[derive(Debug, Clone)]
pub enum Registered {
    /// There is a new user.
    New(User),
    /// The address was taken; its owner is told, unless that was done of late.
    Concealed,
}

impl DB {
    /// Saves a new user and queues the mail. Blocks for one write.
    ///
    /// # Errors
    /// [`DbError::AlreadyExists`] if the email is taken, in this or another spelling, or kept
    /// for whoever had it until lately.
    pub fn register(&self, new: &NewAccount<'_>) -> Result<User, DbError> {
        let now = self.settings.clock.now();
        self.write(|conn| {
            let user = self.insert_user(conn, new.email, new.hashed_password)?;
            if let Some(mail) = new.mail {
                queue_within(conn, Some(user.id), mail, now)?;
            }
            Ok(user)
        })
    }

    /// The same, where who has the address already is told instead of who registers. For a
    /// new address a mail is queued to nobody, if there is none to its owner, so that the same
    /// is counted and written either way. Blocks for one write.
    ///
    /// # Errors
    /// [`DbError::AlreadyExists`] if the email was taken at this very moment.
    pub fn register_or_tell(
        &self,
        new: &NewAccount<'_>,
        to_owner: &BudgetedMail,
        to_nobody: &BudgetedMail,
    ) -> Result<Registered, DbError> {
        let now = self.settings.clock.now();
        let key = new.email.key();
        self.write(|conn| {
            let owner = owner_of(conn, &key)?;
            if owner.is_some() || is_reserved(conn, &key, None, now)? {
                queue_within(conn, owner, to_owner, now)?;
                return Ok(Registered::Concealed);
            }
            let user = self.insert_user(conn, new.email, new.hashed_password)?;
            match new.mail {
                Some(mail) => queue_within(conn, Some(user.id), mail, now)?,
                None => queue_within(conn, None, to_nobody, now)?,
            };
            Ok(Registered::New(user))
        })
    }
}
