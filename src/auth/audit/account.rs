//! Audit events of logins, sessions, passwords and addresses, and of requests and mails.

use super::Event;
use crate::auth::AuthError;
use crate::domain::{EmailTokenAction, SessionDigest, USER_DELETED, UserId};

impl<'a> Event<'a> {
    pub(in crate::auth) fn logged_in(user: UserId, session: &'a SessionDigest) -> Self {
        let event = Self::new("authn_login_success", "logged in");
        event.user(user).session(session)
    }

    /// `user` is the account, if it exists.
    pub(in crate::auth) fn login_failed(user: Option<UserId>, cause: &'a AuthError) -> Self {
        let event = Self::caused("authn_login_fail", "login failed", cause).user(user);
        match (user, cause) {
            (None, AuthError::InvalidCredentials) => event.reason("unknown_account"),
            _ => event,
        }
    }

    /// No password is right: the stored hash has an algorithm that cannot be checked, such as
    /// scrypt, or the account is disabled.
    pub(in crate::auth) fn login_impossible(user: UserId, reason: &'static str) -> Self {
        let event = Self::new("authn_login_fail", "login failed").failure();
        event.reason(reason).user(user)
    }

    /// The account is locked for unknown clients. `user` is the account, if it exists.
    pub(in crate::auth) fn login_locked(user: Option<UserId>) -> Self {
        let event = Self::new("authn_login_lock", "too many logins failed");
        event.failure().user(user)
    }

    /// The library opened a session without a password.
    pub(in crate::auth) fn session_opened(user: UserId, session: &'a SessionDigest) -> Self {
        let event = Self::new("session_created", "session opened");
        event.user(user).session(session)
    }

    pub(in crate::auth) fn logged_out(user: UserId, session: &'a SessionDigest) -> Self {
        let event = Self::new("session_ended", "logged out").reason("logout");
        event.user(user).session(session)
    }

    /// A login ended the user's sessions beyond the allowed number.
    pub(in crate::auth) fn sessions_replaced(user: UserId, count: usize) -> Self {
        let event = Self::new("session_ended", "a login ended older sessions");
        Self {
            count: Some(count),
            ..event.reason("replaced").user(user)
        }
    }

    /// All sessions of a user were ended.
    pub(in crate::auth) fn sessions_ended(user: UserId) -> Self {
        let event = Self::new("session_ended", "all sessions of a user ended");
        event.reason("all_ended").user(user)
    }

    pub(in crate::auth) fn registered(user: UserId) -> Self {
        Self::new("user_created", "registered").user(user)
    }

    pub(in crate::auth) fn registration_failed(cause: &'a AuthError) -> Self {
        Self::caused("user_create_fail", "registration failed", cause)
    }

    /// The address was taken, and the answer did not reveal it.
    pub(in crate::auth) fn registration_concealed() -> Self {
        let event = Self::new("user_create_fail", "registration of a taken address");
        event.failure().reason("email_taken")
    }

    /// Its row was written with the deletion.
    pub(in crate::auth) fn user_deleted(user: UserId) -> Self {
        let event = Self::new(USER_DELETED, "user deleted");
        event.user(user).line_only()
    }

    /// By its owner, with the new session that is left; or by a reset, without a session.
    pub(in crate::auth) fn password_changed(
        user: UserId,
        session: Option<&'a SessionDigest>,
    ) -> Self {
        let event = Self::new("authn_password_change", "password changed");
        event.user(user).session(session)
    }

    pub(in crate::auth) fn password_change_failed(
        user: Option<UserId>,
        cause: &'a AuthError,
    ) -> Self {
        let (name, message) = ("authn_password_change_fail", "password change failed");
        Self::caused(name, message, cause).user(user)
    }

    /// A change that requires re-authentication failed.
    pub(in crate::auth) fn reauthentication_failed(user: UserId, cause: &'a AuthError) -> Self {
        Self::caused("authn_reauth_fail", "account change refused", cause).user(user)
    }

    /// A reset mail was requested. `reason` is why it is not sent.
    pub(in crate::auth) fn reset_requested(
        user: Option<UserId>,
        reason: Option<&'static str>,
    ) -> Self {
        let event = Self::new("authn_password_reset", "password reset requested");
        Self {
            reason,
            ..event.user(user)
        }
    }

    pub(in crate::auth) fn reset_token_created(user: UserId) -> Self {
        Self::new("authn_token_created", "reset token created").user(user)
    }

    /// A token for a mail that verifies or changes an address.
    pub(in crate::auth) fn email_token_created(user: UserId, action: EmailTokenAction) -> Self {
        let event = Self::new("authn_token_created", "email token created").user(user);
        match action {
            EmailTokenAction::Verify => event,
            // The user would learn from the row that no other account has the new address.
            EmailTokenAction::Change => event.line_only(),
        }
    }

    pub(in crate::auth) fn email_token_refused(cause: &'a AuthError) -> Self {
        Self::caused("authn_token_refused", "email token refused", cause)
    }

    pub(in crate::auth) fn email_verified(user: UserId) -> Self {
        Self::new("user_updated", "email verified").user(user)
    }

    pub(in crate::auth) fn email_change_requested(user: UserId) -> Self {
        Self::new("user_update_requested", "email change requested").user(user)
    }

    pub(in crate::auth) fn email_changed(user: UserId) -> Self {
        Self::new("user_updated", "email changed").user(user)
    }

    /// The owner of a former address has taken the account back.
    pub(in crate::auth) fn email_taken_back(user: UserId) -> Self {
        let event = Self::new("user_updated", "former email restored");
        event.reason("taken_back").user(user)
    }

    /// A page of another origin made a browser send a request.
    pub(super) fn cross_origin_refused(origin: Option<&'a str>) -> Self {
        let event = Self::new("malicious_csrf", "cross-origin request refused");
        Self {
            origin,
            ..event.failure()
        }
    }

    /// A mail was sent to the mail server or written to the directory.
    pub(in crate::auth) fn mail_sent(user: Option<UserId>, mail: &'a str) -> Self {
        let event = Self {
            mail: Some(mail),
            ..Self::new("mail_sent", "mail sent").user(user)
        };
        // As for its token.
        match mail {
            "confirm_email" => event.line_only(),
            _ => event,
        }
    }
}
