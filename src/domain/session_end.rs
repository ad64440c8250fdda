//! Why a session has ended.

/// Why a session has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionEnd {
    /// It was not used for too long.
    Idle,
    /// It reached its longest lifetime.
    Expired,
    /// A newer login was one more session than a user may have.
    NewerLogin,
    /// Its own user logged out with it.
    LoggedOut,
    /// Its user ended it with another session.
    OtherDevice,
    /// The password of the account was changed or reset.
    PasswordChanged,
    /// The email address of the account was changed.
    EmailChanged,
    /// The second factors of the account were changed.
    SecondFactorChanged,
    /// A former address of the account took it back.
    TakenBack,
    /// An operator or an administrator disabled the account.
    Disabled,
    /// An operator or an administrator ended it.
    Operator,
}

impl SessionEnd {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Idle,
        Self::Expired,
        Self::NewerLogin,
        Self::LoggedOut,
        Self::OtherDevice,
        Self::PasswordChanged,
        Self::EmailChanged,
        Self::SecondFactorChanged,
        Self::TakenBack,
        Self::Disabled,
        Self::Operator,
    ];

    /// The stored form.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Expired => "expired",
            Self::NewerLogin => "newer_login",
            Self::LoggedOut => "logged_out",
            Self::OtherDevice => "other_device",
            Self::PasswordChanged => "password_changed",
            Self::EmailChanged => "email_changed",
            Self::SecondFactorChanged => "second_factor_changed",
            Self::TakenBack => "taken_back",
            Self::Disabled => "disabled",
            Self::Operator => "operator",
        }
    }

    /// Parses the stored form; none for a reason that this version does not know.
    #[must_use]
    pub fn from_stored(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|end| end.as_str() == text)
    }
}
