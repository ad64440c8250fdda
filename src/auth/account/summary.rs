//! The summary of an account that its owner sees first.

use crate::auth::{Auth, AuthError, SecondFactorDetails};
use crate::domain::{AccountDates, GroupName, SessionId, SessionUser, Timestamp};

/// An account in short.
#[derive(Debug)]
pub struct AccountSummary {
    /// The account's number and address.
    pub user: SessionUser,
    /// When it was made, and when its user logged in last.
    pub dates: AccountDates,
    /// When the address was verified, if it was.
    pub email_verified_at: Option<Timestamp>,
    /// The groups that the account is in.
    pub groups: Vec<GroupName>,
    /// The second factors of the account, and what became of them.
    pub second_factor: SecondFactorDetails,
}

impl Auth {
    /// The account of a session in short. Blocks for one lookup in each table.
    ///
    /// # Errors
    /// [`AuthError::NotLoggedIn`].
    pub fn account_summary(&self, session_id: &SessionId) -> Result<AccountSummary, AuthError> {
        let user = self.logged_in(session_id)?;
        Ok(AccountSummary {
            dates: self.db.account_dates(user.id)?,
            email_verified_at: self.db.email_verified_at(user.id)?,
            groups: self.db.groups_of(user.id)?,
            second_factor: self.second_factor_details(user.id)?,
            user,
        })
    }
}
