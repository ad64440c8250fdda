//! Audit events: their names, messages and fields, one entry per event.

mod access;
mod second_factor;

use log::Level;

use super::{AuthError, LoginSuccess};
use crate::domain::{AppName, Client, Origin, RequestId, SessionDigest, UserId};

pub(in crate::auth) use access::AccessEvent;
pub(in crate::auth) use second_factor::SecondFactorEvent;

/// The log target, for filters in `RUST_LOG`.
const TARGET: &str = concat!(env!("CARGO_PKG_NAME"), "::events");

/// An audit event of an account, named by the OWASP logging vocabulary where it has a name.
///
/// The log contains no secrets: of a session only the beginning of its digest, and of a failed
/// login no address, because users sometimes type their password into the wrong field.
#[derive(Debug)]
pub(in crate::auth) enum Event<'a> {
    LoggedIn {
        user: UserId,
        session: &'a SessionDigest,
    },
    /// `user` is the account, if it exists.
    LoginFailed {
        user: Option<UserId>,
        cause: &'a AuthError,
    },
    /// No password is right: the stored hash has an algorithm that cannot be checked, such as
    /// scrypt, or the account is disabled.
    LoginImpossible {
        user: UserId,
        reason: &'static str,
    },
    /// The library opened a session without a password.
    SessionOpened {
        user: UserId,
        session: &'a SessionDigest,
    },
    LoggedOut {
        user: UserId,
        session: &'a SessionDigest,
    },
    /// A login ended the user's sessions beyond the allowed number.
    SessionsReplaced {
        user: UserId,
        count: usize,
    },
    /// All sessions of a user were ended.
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
    /// By its owner, with the new session that is left; or by a reset, without a session.
    PasswordChanged {
        user: UserId,
        session: Option<&'a SessionDigest>,
    },
    /// A change that requires re-authentication failed.
    ReauthenticationFailed {
        user: UserId,
        cause: &'a AuthError,
    },
    /// The account is locked for unknown clients. `user` is the account, if it exists.
    LoginLocked {
        user: Option<UserId>,
    },
    /// A page of another origin made a browser send a request.
    Forged {
        origin: Option<&'a str>,
    },
    /// A mail was sent to the mail server or written to the directory.
    MailSent {
        user: Option<UserId>,
        mail: &'a str,
    },
    /// A reset mail was requested. `reason` is why it is not sent.
    ResetRequested {
        user: Option<UserId>,
        reason: Option<&'static str>,
    },
    ResetTokenCreated {
        user: UserId,
    },
    PasswordChangeFailed {
        user: Option<UserId>,
        cause: &'a AuthError,
    },
    /// The address was taken, and the answer did not reveal it.
    RegistrationConcealed,
    /// A token for a mail that verifies or changes an address.
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
    /// The owner of a former address has taken the account back.
    EmailTakenBack {
        user: UserId,
    },
    /// What happened to the second factor of an account.
    SecondFactor {
        user: UserId,
        event: SecondFactorEvent<'a>,
    },
    Access(AccessEvent<'a>),
}

/// Logs that a request of a page of another origin was refused.
pub fn log_csrf_refused(client: &Client, origin: Option<&Origin>) {
    let origin = origin.map(Origin::to_string);
    Event::Forged {
        origin: origin.as_deref(),
    }
    .log(client);
}

/// The log line of an event.
#[derive(Default)]
struct Fields<'a> {
    name: &'static str,
    /// The message.
    sentence: &'static str,
    /// Whether the outcome is a failure although there is no cause.
    is_failure: bool,
    reason: Option<&'static str>,
    cause: Option<&'a AuthError>,
    user: Option<UserId>,
    session: Option<&'a SessionDigest>,
    origin: Option<&'a str>,
    mail: Option<&'a str>,
    count: Option<usize>,
    app: Option<&'a AppName>,
}

impl<'a> Fields<'a> {
    fn new(name: &'static str, sentence: &'static str) -> Self {
        Self {
            name,
            sentence,
            ..Self::default()
        }
    }

    /// A refusal or a failure. Its cause sets reason and level.
    fn caused(name: &'static str, sentence: &'static str, cause: &'a AuthError) -> Self {
        Self {
            cause: Some(cause),
            reason: Some(cause.describe().reason),
            ..Self::new(name, sentence)
        }
    }

    /// Sets the outcome "failure" for an event without a cause.
    fn failure(self) -> Self {
        Self {
            is_failure: true,
            ..self
        }
    }

    fn reason(self, reason: &'static str) -> Self {
        Self {
            reason: Some(reason),
            ..self
        }
    }

    fn user(self, user: impl Into<Option<UserId>>) -> Self {
        Self {
            user: user.into(),
            ..self
        }
    }

    fn session(self, session: impl Into<Option<&'a SessionDigest>>) -> Self {
        Self {
            session: session.into(),
            ..self
        }
    }
}

impl Event<'_> {
    /// Logs a login, and that it ended older sessions, if it did.
    pub(in crate::auth) fn logged_in(login: &LoginSuccess, replaced: usize, client: &Client) {
        let (user, session) = (login.user.id, &login.session_id.digest());
        Event::LoggedIn { user, session }.log(client);
        Event::sessions_replaced(user, replaced, client);
    }

    /// Logs that a login ended older sessions, if it did.
    pub(in crate::auth) fn sessions_replaced(user: UserId, count: usize, client: &Client) {
        if count > 0 {
            Event::SessionsReplaced { user, count }.log(client);
        }
    }

    /// Writes the log line.
    pub(in crate::auth) fn log(&self, client: &Client) {
        let fields = self.fields();
        let cause = fields.cause.map(AuthError::describe);
        let (level, outcome) = match &cause {
            Some(cause) if cause.is_failure => (cause.level, "error"),
            Some(cause) => (cause.level, "failure"),
            None if fields.is_failure => (Level::Info, "failure"),
            None => (Level::Info, "success"),
        };
        let exceeded = cause.and_then(|cause| cause.exceeded);
        let (name, sentence) = match exceeded {
            Some(sentence) => ("excess_rate_limit_exceeded", sentence),
            None => (fields.name, fields.sentence),
        };
        let limit = match fields.cause {
            Some(AuthError::RateLimited { limit, .. }) => Some(limit.name()),
            Some(_) | None => None,
        };
        let address = client.address().map(|address| address.to_string());
        log::log!(
            target: TARGET,
            level,
            event = name,
            outcome,
            reason = fields.reason,
            limit,
            origin = fields.origin,
            mail = fields.mail,
            count = fields.count,
            app = fields.app.map(AppName::as_str),
            user_id = fields.user.map(UserId::get),
            session = fields.session.map(SessionDigest::prefix),
            client_ip = address.as_deref(),
            request_id = client.request_id().map(RequestId::as_str);
            "{sentence}"
        );
    }

    fn fields(&self) -> Fields<'_> {
        match *self {
            Self::LoggedIn { user, session } => {
                let fields = Fields::new("authn_login_success", "logged in");
                fields.user(user).session(session)
            }
            Self::LoginFailed { user, cause } => {
                let fields = Fields::caused("authn_login_fail", "login failed", cause).user(user);
                match (user, cause) {
                    (None, AuthError::InvalidCredentials) => fields.reason("unknown_account"),
                    _ => fields,
                }
            }
            Self::LoginImpossible { user, reason } => {
                Fields::new("authn_login_fail", "login failed")
                    .failure()
                    .reason(reason)
                    .user(user)
            }
            Self::SessionOpened { user, session } => {
                let fields = Fields::new("session_created", "session opened");
                fields.user(user).session(session)
            }
            Self::LoggedOut { user, session } => Fields::new("session_ended", "logged out")
                .reason("logout")
                .user(user)
                .session(session),
            Self::SessionsReplaced { user, count } => Fields {
                count: Some(count),
                ..Fields::new("session_ended", "a login ended older sessions")
                    .reason("replaced")
                    .user(user)
            },
            Self::SessionsEnded { user } => {
                let fields = Fields::new("session_ended", "all sessions of a user ended");
                fields.reason("all_ended").user(user)
            }
            Self::Registered { user } => Fields::new("user_created", "registered").user(user),
            Self::RegistrationFailed { cause } => {
                Fields::caused("user_create_fail", "registration failed", cause)
            }
            Self::RegistrationConcealed => {
                let fields = Fields::new("user_create_fail", "registration of a taken address");
                fields.failure().reason("email_taken")
            }
            Self::UserDeleted { user } => Fields::new("user_deleted", "user deleted").user(user),
            Self::PasswordChanged { user, session } => {
                let fields = Fields::new("authn_password_change", "password changed");
                fields.user(user).session(session)
            }
            Self::ReauthenticationFailed { user, cause } => {
                let sentence = "account change refused";
                Fields::caused("authn_reauth_fail", sentence, cause).user(user)
            }
            Self::LoginLocked { user } => Fields::new("authn_login_lock", "too many logins failed")
                .failure()
                .user(user),
            Self::Forged { origin } => Fields {
                origin,
                ..Fields::new("malicious_csrf", "cross-origin request refused").failure()
            },
            Self::MailSent { user, mail } => Fields {
                mail: Some(mail),
                ..Fields::new("mail_sent", "mail sent").user(user)
            },
            Self::ResetRequested { user, reason } => Fields {
                reason,
                ..Fields::new("authn_password_reset", "password reset requested").user(user)
            },
            Self::ResetTokenCreated { user } => {
                Fields::new("authn_token_created", "reset token created").user(user)
            }
            Self::PasswordChangeFailed { user, cause } => {
                let (name, sentence) = ("authn_password_change_fail", "password change failed");
                Fields::caused(name, sentence, cause).user(user)
            }
            Self::EmailTokenCreated { user } => {
                Fields::new("authn_token_created", "email token created").user(user)
            }
            Self::EmailTokenRefused { cause } => {
                Fields::caused("authn_token_refused", "email token refused", cause)
            }
            Self::EmailVerified { user } => {
                Fields::new("user_updated", "email verified").user(user)
            }
            Self::EmailChangeRequested { user } => {
                Fields::new("user_update_requested", "email change requested").user(user)
            }
            Self::EmailChanged { user } => Fields::new("user_updated", "email changed").user(user),
            Self::EmailTakenBack { user } => {
                let fields = Fields::new("user_updated", "former email restored");
                fields.reason("taken_back").user(user)
            }
            Self::SecondFactor { user, event } => event.fields().user(user),
            Self::Access(ref event) => event.fields(),
        }
    }
}
