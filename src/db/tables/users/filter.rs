//! By which column a user is looked up.

use crate::db::InvalidRequest;
use crate::domain::{
    Email, HashedPassword, NormalizedEmail, ResetToken, ResetTokenDigest, SessionDigest, SessionId,
    UserId,
};

/// A filter for one user. The type of the value selects the column, so that a wrong column does
/// not compile; [`UserFilter::parse`] takes the column by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserFilter {
    /// By primary key.
    Id(UserId),
    /// By email, in any spelling of it.
    Email(NormalizedEmail),
    /// By the stored password.
    HashedPassword(HashedPassword),
    /// By a valid session.
    SessionId(SessionDigest),
    /// By the newest reset token.
    ResetToken(ResetTokenDigest),
}

impl UserFilter {
    /// Parses the name of a column and a value. A session id or reset token is given in clear
    /// text.
    ///
    /// # Errors
    /// [`InvalidRequest`] if `users` has no such column, or if the value is not valid for it.
    pub fn parse(column: &str, value: &str) -> Result<Self, InvalidRequest> {
        let bad = |name| Err(InvalidRequest::BadValue(name));
        match column {
            "id" => value
                .parse()
                .map_or(bad("id"), |id| Ok(Self::Id(UserId::new(id)))),
            "email" => {
                NormalizedEmail::parse(value).map_or(bad("email"), |key| Ok(Self::Email(key)))
            }
            "hashed_password" => Ok(Self::HashedPassword(HashedPassword::from_stored(value))),
            "session_id" => SessionId::parse(value)
                .map_or(bad("session_id"), |id| Ok(Self::SessionId(id.digest()))),
            "reset_token" => ResetToken::parse(value).map_or(bad("reset_token"), |token| {
                Ok(Self::ResetToken(token.digest()))
            }),
            unknown => Err(InvalidRequest::UnknownColumn(unknown.to_owned())),
        }
    }
}

impl From<UserId> for UserFilter {
    fn from(id: UserId) -> Self {
        Self::Id(id)
    }
}

impl From<&Email> for UserFilter {
    fn from(email: &Email) -> Self {
        Self::Email(email.key())
    }
}

impl From<NormalizedEmail> for UserFilter {
    fn from(key: NormalizedEmail) -> Self {
        Self::Email(key)
    }
}

impl From<&SessionId> for UserFilter {
    fn from(id: &SessionId) -> Self {
        Self::SessionId(id.digest())
    }
}

impl From<&ResetToken> for UserFilter {
    fn from(token: &ResetToken) -> Self {
        Self::ResetToken(token.digest())
    }
}
