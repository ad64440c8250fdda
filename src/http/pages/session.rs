//! The user of a page that needs a login.

use actix_web::HttpRequest;

use super::next::{SECOND_FACTOR, with_query};
use super::visit::Visit;
use crate::auth::AuthError;
use crate::domain::{SessionId, SessionUser};
use crate::http::extract::current_user::{any_session_of, session_of};
use crate::http::extract::session_cookie::SessionCookie;
use crate::http::{HttpError, Refusal};

/// The session of a page's visitor.
pub(crate) struct SignedIn {
    pub(crate) session_id: SessionId,
    pub(crate) user: SessionUser,
}

impl SignedIn {
    /// Looks up the session.
    ///
    /// # Errors
    /// A redirect to the login if there is none, and from there back to this page.
    pub(crate) async fn of(request: &HttpRequest, visit: &Visit) -> Result<Self, Refusal> {
        Self::or_lead_to(request.path(), request, visit).await
    }

    /// Looks up the session.
    ///
    /// # Errors
    /// A redirect to the login if there is none, and from there to `next`.
    pub(crate) async fn or_lead_to(
        next: &str,
        request: &HttpRequest,
        visit: &Visit,
    ) -> Result<Self, Refusal> {
        match session_of(request).await {
            Ok((session_id, user)) => Ok(Self { session_id, user }),
            Err(HttpError::NotLoggedIn | HttpError::Auth(AuthError::NotLoggedIn)) => {
                Err(Refusal::log_in_first(login(request, next)))
            }
            Err(HttpError::Auth(AuthError::EnrolmentRequired)) => {
                let enrolment = with_query(SECOND_FACTOR, [("next", next)]);
                Err(Refusal::enrol_first(enrolment))
            }
            Err(error) => Err(visit.error(error)),
        }
    }

    /// The session on a page that sets up a second factor or logs out: also one whose user still has
    /// to set up a second factor.
    ///
    /// # Errors
    /// Leads to the login where there is no session, and from there back to this page.
    pub(crate) async fn enrolling(request: &HttpRequest, visit: &Visit) -> Result<Self, Refusal> {
        match any_session_of(request).await {
            Ok((session_id, user)) => Ok(Self { session_id, user }),
            Err(HttpError::NotLoggedIn) => {
                Err(Refusal::log_in_first(login(request, request.path())))
            }
            Err(error) => Err(visit.error(error)),
        }
    }
}

/// The login, with the reason why it is shown and what follows it.
fn login(request: &HttpRequest, next: &str) -> String {
    // A browser that still has the cookie was logged in until the session ended.
    let reason = match SessionCookie::read(request) {
        Some(_) => "session_ended",
        None => "login_required",
    };
    with_query("/login", [("reason", reason), ("next", next)])
}
