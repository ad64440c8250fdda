//! Changes of a user's attributes, by type or by name as in the reference service.

use crate::db::InvalidRequest;
use crate::domain::{
    Email, HashedPassword, ResetToken, ResetTokenDigest, SessionDigest, SessionId,
};

/// Changes of a user. Attributes that are not set stay as they are; `None` clears one.
///
/// ```
/// use bienvenue::db::UserChanges;
/// use bienvenue::domain::HashedPassword;
///
/// let changes = UserChanges::new()
///     .hashed_password(HashedPassword::from_stored("NewPwd"))
///     .session_id(None);
/// assert_ne!(changes, UserChanges::new());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(
    clippy::option_option,
    reason = "the outer option is whether to change, the inner one the new value"
)]
pub struct UserChanges {
    pub(in crate::db) email: Option<Email>,
    pub(in crate::db) hashed_password: Option<HashedPassword>,
    pub(in crate::db) session_id: Option<Option<SessionDigest>>,
    pub(in crate::db) reset_token: Option<Option<ResetTokenDigest>>,
}

impl UserChanges {
    /// No changes yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the email.
    #[must_use]
    pub fn email(mut self, email: Email) -> Self {
        self.email = Some(email);
        self
    }

    /// Sets the stored password. Sessions stay as they are.
    #[must_use]
    pub fn hashed_password(mut self, hashed_password: HashedPassword) -> Self {
        self.hashed_password = Some(hashed_password);
        self
    }

    /// Replaces all sessions of the user by one; `None` ends them all.
    #[must_use]
    pub fn session_id(mut self, session_id: Option<&SessionId>) -> Self {
        self.session_id = Some(session_id.map(SessionId::digest));
        self
    }

    /// Replaces the reset token; `None` clears it.
    #[must_use]
    pub fn reset_token(mut self, reset_token: Option<&ResetToken>) -> Self {
        self.reset_token = Some(reset_token.map(ResetToken::digest));
        self
    }

    /// Parses changes by the names of attributes. Session ids and reset tokens are given in clear
    /// text.
    ///
    /// # Errors
    /// [`InvalidRequest`] for a name that is not an attribute, for the primary key, which cannot
    /// change, and for a value that is not valid for its attribute.
    pub fn parse<'a>(
        changes: impl IntoIterator<Item = (&'a str, Option<&'a str>)>,
    ) -> Result<Self, InvalidRequest> {
        changes.into_iter().try_fold(Self::new(), Self::with)
    }

    fn with(self, (column, value): (&str, Option<&str>)) -> Result<Self, InvalidRequest> {
        match (column, value) {
            ("email", Some(value)) => Email::parse_new(value)
                .map(|email| self.email(email))
                .or(Err(InvalidRequest::BadValue("email"))),
            ("hashed_password", Some(value)) => {
                Ok(self.hashed_password(HashedPassword::from_stored(value)))
            }
            ("email", None) => Err(InvalidRequest::BadValue("email")),
            ("hashed_password", None) => Err(InvalidRequest::BadValue("hashed_password")),
            ("session_id", value) => value
                .map(SessionId::parse)
                .transpose()
                .map(|id| self.session_id(id.as_ref()))
                .or(Err(InvalidRequest::BadValue("session_id"))),
            ("reset_token", value) => value
                .map(ResetToken::parse)
                .transpose()
                .map(|token| self.reset_token(token.as_ref()))
                .or(Err(InvalidRequest::BadValue("reset_token"))),
            (unknown, _) => Err(InvalidRequest::UnknownColumn(unknown.to_owned())),
        }
    }

    pub(in crate::db) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
