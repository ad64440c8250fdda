mod attempt;
mod causes;
mod fields;

use log::Level;

pub use attempt::Attempt;

use super::AuthError;
use crate::domain::{Client, Origin, RequestId, SessionDigest, UserId};

/// Where the lines go: `RUST_LOG` can name it.
const TARGET: &str = concat!(env!("CARGO_PKG_NAME"), "::events");

/// What happened to an account, by the names of the OWASP logging vocabulary where it has one.
///
/// Nothing that lets anybody in is logged: of a session the beginning of its digest, and of a
/// failed login no address, because people type their passwords into the wrong field.
#[derive(Debug)]
pub(in crate::auth) enum Event<'a> {
    LoggedIn {
        user: UserId,
        session: &'a SessionDigest,
    },
    /// With the account, if there is such a one.
    LoginFailed {
        user: Option<UserId>,
        cause: &'a AuthError,
    },
    /// The stored hash is of a kind that cannot be checked, such as scrypt.
    UnknownHash {
        user: UserId,
    },
    /// Without a password: by the library.
    SessionOpened {
        user: UserId,
        session: &'a SessionDigest,
    },
    LoggedOut {
        user: UserId,
        session: &'a SessionDigest,
    },
    /// By a login, beyond the number that a user may have.
    SessionsReplaced {
        user: UserId,
        count: usize,
    },
    /// All of a user's.
    SessionsEnded {
        user: UserId,
    },
    Registered {
        user: UserId,
    },
    RegistrationFailed {
        cause: &'a AuthError,
    },
    UserDeleted {
        user: UserId,
    },
    /// By its owner, with the one session that is left, or by a reset, which leaves none.
    PasswordChanged {
        user: UserId,
        session: Option<&'a SessionDigest>,
    },
    /// What an owner wanted who is logged in, and had to give the password again for.
    ReauthenticationFailed {
        user: UserId,
        cause: &'a AuthError,
    },
    /// No client that the account does not know may guess at it any more. With the account,
    /// if there is such a one.
    LoginLocked {
        user: Option<UserId>,
    },
    /// A browser was made to send something by a page of another origin.
    Forged {
        origin: Option<&'a str>,
    },
    /// To a mail server or into the folder.
    MailSent {
        user: Option<UserId>,
        mail: &'a str,
    },
    /// A mail with a reset token, which may or may not be sent.
    ResetRequested {
        user: Option<UserId>,
        queued: bool,
    },
    ResetTokenCreated {
        user: UserId,
    },
    PasswordChangeFailed {
        user: Option<UserId>,
        cause: &'a AuthError,
    },
    /// The address was taken, which whoever registered was not told.
    RegistrationConcealed,
    /// For a mail about an address.
    EmailTokenCreated {
        user: UserId,
    },
    EmailTokenRefused {
        cause: &'a AuthError,
    },
    EmailVerified {
        user: UserId,
    },
    EmailChangeRequested {
        user: UserId,
    },
    EmailChanged {
        user: UserId,
    },
    /// From whoever had given the account another address.
    EmailTakenBack {
        user: UserId,
    },
}

/// Logs that a request was refused because a page of another origin sent it.
pub fn log_forged(client: &Client, origin: Option<&Origin>) {
    let origin = origin.map(Origin::to_string);
    Event::Forged {
        origin: origin.as_deref(),
    }
    .log(client);
}

impl Event<'_> {
    /// Logs that a login ended older sessions, if it did.
    pub(in crate::auth) fn sessions_replaced(user: UserId, count: usize, client: &Client) {
        if count > 0 {
            Event::SessionsReplaced { user, count }.log(client);
        }
    }

    /// Writes the line.
    pub(in crate::auth) fn log(&self, client: &Client) {
        let (level, outcome) = self.outcome();
        let address = client.address().map(|address| address.to_string());
        let session = self.session().map(SessionDigest::prefix);
        let (name, sentence) = self.names();
        log::log!(
            target: TARGET,
            level,
            event = name,
            outcome,
            reason = self.reason(),
            limit = self.limit(),
            origin = self.origin(),
            mail = self.mail(),
            count = self.count(),
            user_id = self.user().map(UserId::get),
            session,
            client_ip = address.as_deref(),
            request_id = client.request_id().map(RequestId::as_str);
            "{sentence}"
        );
    }

    /// What it is called, and what it says to people.
    fn names(&self) -> (&'static str, &'static str) {
        if let Some(limit) = self.cause().and_then(causes::limit) {
            return limit;
        }
        match self {
            Self::LoggedIn { .. } => ("authn_login_success", "logged in"),
            Self::LoginFailed { .. } | Self::UnknownHash { .. } => {
                ("authn_login_fail", "login failed")
            }
            Self::SessionOpened { .. } => ("session_created", "session opened"),
            Self::LoggedOut { .. } => ("session_ended", "logged out"),
            Self::SessionsReplaced { .. } => ("session_ended", "a login ended older sessions"),
            Self::SessionsEnded { .. } => ("session_ended", "all sessions of a user ended"),
            Self::Registered { .. } => ("user_created", "registered"),
            Self::RegistrationFailed { .. } => ("user_create_fail", "registration failed"),
            Self::UserDeleted { .. } => ("user_deleted", "user deleted"),
            Self::PasswordChanged { .. } => ("authn_password_change", "password changed"),
            Self::ReauthenticationFailed { .. } => {
                ("authn_reauth_fail", "the owner's change was refused")
            }
            Self::LoginLocked { .. } => ("authn_login_lock", "too many logins failed"),
            Self::MailSent { .. } => ("mail_sent", "mail sent"),
            Self::Forged { .. } => ("malicious_csrf", "a page of another origin was refused"),
            Self::ResetRequested { .. } => ("authn_password_reset", "password reset requested"),
            Self::ResetTokenCreated { .. } => ("authn_token_created", "reset token made"),
            Self::PasswordChangeFailed { .. } => {
                ("authn_password_change_fail", "password change failed")
            }
            Self::RegistrationConcealed => ("user_create_fail", "a taken address was registered"),
            Self::EmailTokenCreated { .. } => ("authn_token_created", "email token made"),
            Self::EmailTokenRefused { .. } => ("authn_token_refused", "email token refused"),
            Self::EmailVerified { .. } => ("user_updated", "email verified"),
            Self::EmailChangeRequested { .. } => {
                ("user_update_requested", "another email asked for")
            }
            Self::EmailChanged { .. } => ("user_updated", "email changed"),
            Self::EmailTakenBack { .. } => ("user_updated", "former email taken back"),
        }
    }

    /// A refusal is the client's affair, a failure the operator's.
    fn outcome(&self) -> (Level, &'static str) {
        match self.cause() {
            None if matches!(
                self,
                Self::LoginLocked { .. }
                    | Self::UnknownHash { .. }
                    | Self::Forged { .. }
                    | Self::RegistrationConcealed
            ) =>
            {
                (Level::Info, "failure")
            }
            None => (Level::Info, "success"),
            Some(cause) => causes::outcome(cause),
        }
    }

    fn reason(&self) -> Option<&'static str> {
        match self {
            Self::LoggedOut { .. } => Some("logout"),
            Self::SessionsReplaced { .. } => Some("replaced"),
            Self::UnknownHash { .. } => Some("unknown_hash"),
            Self::SessionsEnded { .. } => Some("all_ended"),
            Self::ResetRequested { queued: false, .. } => Some("enough_sent"),
            Self::ResetRequested { user: None, .. }
            | Self::LoginFailed {
                user: None,
                cause: AuthError::InvalidCredentials,
            } => Some("unknown_account"),
            Self::RegistrationConcealed => Some("email_taken"),
            Self::EmailTakenBack { .. } => Some("taken_back"),
            Self::LoggedIn { .. }
            | Self::SessionOpened { .. }
            | Self::Registered { .. }
            | Self::PasswordChanged { .. }
            | Self::UserDeleted { .. }
            | Self::LoginLocked { .. }
            | Self::ResetTokenCreated { .. }
            | Self::ResetRequested { .. }
            | Self::EmailTokenCreated { .. }
            | Self::EmailVerified { .. }
            | Self::EmailChangeRequested { .. }
            | Self::EmailChanged { .. }
            | Self::MailSent { .. }
            | Self::Forged { .. } => None,
            Self::LoginFailed { cause, .. }
            | Self::RegistrationFailed { cause }
            | Self::PasswordChangeFailed { cause, .. }
            | Self::EmailTokenRefused { cause }
            | Self::ReauthenticationFailed { cause, .. } => Some(causes::reason(cause)),
        }
    }

    fn cause(&self) -> Option<&AuthError> {
        match self {
            Self::LoginFailed { cause, .. }
            | Self::RegistrationFailed { cause }
            | Self::PasswordChangeFailed { cause, .. }
            | Self::EmailTokenRefused { cause }
            | Self::ReauthenticationFailed { cause, .. } => Some(cause),
            Self::LoggedIn { .. }
            | Self::SessionOpened { .. }
            | Self::LoggedOut { .. }
            | Self::SessionsEnded { .. }
            | Self::Registered { .. }
            | Self::PasswordChanged { .. }
            | Self::ResetRequested { .. }
            | Self::ResetTokenCreated { .. }
            | Self::UserDeleted { .. }
            | Self::LoginLocked { .. }
            | Self::RegistrationConcealed
            | Self::EmailTokenCreated { .. }
            | Self::EmailVerified { .. }
            | Self::EmailChangeRequested { .. }
            | Self::EmailChanged { .. }
            | Self::EmailTakenBack { .. }
            | Self::SessionsReplaced { .. }
            | Self::UnknownHash { .. }
            | Self::MailSent { .. }
            | Self::Forged { .. } => None,
        }
    }

    fn user(&self) -> Option<UserId> {
        match self {
            Self::LoggedIn { user, .. }
            | Self::SessionOpened { user, .. }
            | Self::LoggedOut { user, .. }
            | Self::SessionsReplaced { user, .. }
            | Self::UnknownHash { user }
            | Self::SessionsEnded { user }
            | Self::Registered { user }
            | Self::PasswordChanged { user, .. }
            | Self::ReauthenticationFailed { user, .. }
            | Self::ResetTokenCreated { user }
            | Self::EmailTokenCreated { user }
            | Self::EmailVerified { user }
            | Self::EmailChangeRequested { user }
            | Self::EmailChanged { user }
            | Self::EmailTakenBack { user }
            | Self::UserDeleted { user } => Some(*user),
            Self::LoginFailed { user, .. }
            | Self::MailSent { user, .. }
            | Self::ResetRequested { user, .. }
            | Self::PasswordChangeFailed { user, .. }
            | Self::LoginLocked { user } => *user,
            Self::RegistrationFailed { .. }
            | Self::RegistrationConcealed
            | Self::EmailTokenRefused { .. }
            | Self::Forged { .. } => None,
        }
    }

    fn session(&self) -> Option<&SessionDigest> {
        match self {
            Self::LoggedIn { session, .. }
            | Self::SessionOpened { session, .. }
            | Self::LoggedOut { session, .. } => Some(session),
            Self::PasswordChanged { session, .. } => *session,
            Self::LoginFailed { .. }
            | Self::SessionsReplaced { .. }
            | Self::UnknownHash { .. }
            | Self::MailSent { .. }
            | Self::SessionsEnded { .. }
            | Self::Registered { .. }
            | Self::RegistrationFailed { .. }
            | Self::ReauthenticationFailed { .. }
            | Self::PasswordChangeFailed { .. }
            | Self::ResetRequested { .. }
            | Self::ResetTokenCreated { .. }
            | Self::UserDeleted { .. }
            | Self::LoginLocked { .. }
            | Self::RegistrationConcealed
            | Self::EmailTokenRefused { .. }
            | Self::EmailTokenCreated { .. }
            | Self::EmailVerified { .. }
            | Self::EmailChangeRequested { .. }
            | Self::EmailChanged { .. }
            | Self::EmailTakenBack { .. }
            | Self::Forged { .. } => None,
        }
    }
}
