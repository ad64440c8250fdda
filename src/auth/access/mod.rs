//! Access to applications behind a proxy.

mod hand_over;

use super::audit::Event;
use super::{Auth, AuthError, decide};
use crate::db::{DbError, SessionAccess};
use crate::domain::{AppSessionId, AppUrl, Client, GroupName, Origin, SessionId, SessionUser};

pub use hand_over::{HAND_OVER_LIFETIME, login_next};

/// The request about which a proxy asks before it forwards it.
#[derive(Debug, Clone, Default)]
pub struct AccessRequest {
    /// The session that the request shows.
    pub session: Option<SessionId>,
    /// The login on the host of an application that it shows.
    pub app_session: Option<AppSessionId>,
    /// The URL that it asks for; none unless a trusted proxy names one.
    pub url: Option<AppUrl>,
    /// The origin of the service, where an operator has named it. On the host of an application
    /// with another origin, a session does not count: the application can read its cookie.
    pub own_origin: Option<Origin>,
}

/// A user who has access.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedAccess {
    /// The user.
    pub user: SessionUser,
    /// The groups of the user, sorted.
    pub groups: Vec<GroupName>,
}

impl Auth {
    /// Decides whether a request may be passed on to the application that it asks for. Blocks
    /// for one lookup, and for a second one where a login on the host of an application has
    /// ended and the request shows a session too, or a second factor is missing.
    ///
    /// # Errors
    /// [`AuthError::NotLoggedIn`] without a session that is good on that host,
    /// [`AuthError::EnrolmentRequired`] and [`AuthError::StepUpRequired`] where a second factor is
    /// missing, and [`AuthError::AccessDenied`] with the rule.
    pub fn verify_access(
        &self,
        request: &AccessRequest,
        client: &Client,
    ) -> Result<VerifiedAccess, AuthError> {
        let url = request.url.as_ref();
        let found = self.session_access(request)?;
        self.background_writes
            .record_use(found.session, found.last_seen_at);
        let SessionAccess { user, facts, .. } = found;
        self.check_level(&user)?;
        match decide(&facts, url) {
            Ok(_) => {
                if let Some(app) = &facts.app {
                    self.check_app_level(&user, app)?;
                }
                Ok(VerifiedAccess {
                    user,
                    groups: facts.groups,
                })
            }
            Err(denial) => {
                let user = user.id;
                Event::access_denied(user, &denial).log(&self.audit, client);
                Err(AuthError::AccessDenied(denial))
            }
        }
    }

    /// The session of a request, if it is valid on the requested host.
    fn session_access(&self, request: &AccessRequest) -> Result<SessionAccess, AuthError> {
        let origin = request.url.as_ref().map(AppUrl::origin);
        if let Some((app_session, origin)) = request.app_session.as_ref().zip(origin) {
            let digest = app_session.digest_at(origin);
            match self.db.app_session_access(&digest, origin) {
                Ok(found) => return Ok(found),
                Err(DbError::NoResultFound) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let session = request.session.as_ref().ok_or(AuthError::NotLoggedIn)?;
        let found = match self.db.session_access(&session.digest(), origin) {
            Ok(found) => found,
            Err(DbError::NoResultFound) => return Err(AuthError::NotLoggedIn),
            Err(error) => return Err(error.into()),
        };
        match &found.facts.app {
            Some(app) if !request.takes_sessions_at(&app.origin) => Err(AuthError::NotLoggedIn),
            Some(_) | None => Ok(found),
        }
    }
}

impl AccessRequest {
    /// Whether the session cookie itself counts on the host of an application: on the service's
    /// own. Where the service knows no origin of its own, on this machine only.
    fn takes_sessions_at(&self, origin: &Origin) -> bool {
        match &self.own_origin {
            Some(own) => own == origin,
            None => !origin.is_https(),
        }
    }
}
