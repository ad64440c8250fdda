use crate::db::InvalidRequest;
use crate::domain::{
    Email, EmailKey, HashedPassword, ResetToken, ResetTokenDigest, SessionDigest, SessionId, UserId,
};

/// Which user is meant. The value's type picks the column, so that a wrong column does not
/// compile; [`UserFilter::parse`] is for names that are data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserFilter {
    /// By primary key.
    Id(UserId),
    /// By email, in any spelling of it.
    Email(EmailKey),
    /// By the stored password, for the sake of completeness.
    HashedPassword(HashedPassword),
    /// By a session that is still valid.
    SessionId(SessionDigest),
    /// By the newest reset token.
    ResetToken(ResetTokenDigest),
}

impl UserFilter {
    /// Takes a column by its name and a value as a text. A session id or reset token is
    /// given as its owner has it.
    ///
    /// # Errors
    /// [`InvalidRequest`] if `users` has no such column, or the text is no value for it.
    pub fn parse(column: &str, value: &str) -> Result<Self, InvalidRequest> {
        let bad = |name| Err(InvalidRequest::BadValue(name));
        match column {
            "id" => value
                .parse()
                .map_or(bad("id"), |id| Ok(Self::Id(UserId::new(id)))),
            "email" => EmailKey::parse(value).map_or(bad("email"), |key| Ok(Self::Email(key))),
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

impl From<EmailKey> for UserFilter {
    fn from(key: EmailKey) -> Self {
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
