//! Finds the user that a command names by email.

use clap::Args;

use super::CliError;
use crate::db::{DB, DbError};
use crate::domain::{Email, EmailError, User};

/// One user.
#[derive(Debug, Args)]
pub(super) struct One {
    /// Email of the user
    #[arg(value_name = "EMAIL", value_parser = email)]
    pub(super) email: Email,
}

/// The user with this email, who is not disabled. Blocks for two lookups.
pub(super) fn find_enabled(db: &DB, email: &Email) -> Result<User, CliError> {
    let user = find(db, email)?;
    match db.account_dates(user.id)?.disabled_at {
        None => Ok(user),
        Some(_) => Err(CliError::UserDisabled(user.email)),
    }
}

/// Parses an email on the command line.
pub(super) fn email(text: &str) -> Result<Email, EmailError> {
    Email::parse(text)
}

/// The user with this email. Blocks for a lookup.
pub(super) fn find(db: &DB, email: &Email) -> Result<User, CliError> {
    match db.find_user_by(email) {
        Ok(user) => Ok(user),
        Err(DbError::NoResultFound) => Err(CliError::NoSuchUser(email.clone())),
        Err(
            error @ (DbError::AlreadyExists(_)
            | DbError::InvalidRequest(_)
            | DbError::Unavailable(_)
            | DbError::Failed(_)),
        ) => Err(error.into()),
    }
}
