//! Extracts the user of the request's session. Handlers get the user in no other way.

use std::convert::Infallible;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use futures_util::future::LocalBoxFuture;

use crate::domain::{SessionId, SessionUser};
use crate::http::extract::session_cookie::SessionCookie;
use crate::http::{BlockingExecutor, HttpError};

/// The user of the request's session, and the rest that a handler extracts. The rest is extracted
/// afterwards: without a session the response is 403, even if something else is wrong.
#[derive(Debug)]
pub(crate) struct CurrentUser<T = ()> {
    pub(crate) session_id: SessionId,
    pub(crate) user: SessionUser,
    pub(crate) rest: T,
}

/// Looks up the session of a request's cookie, and notes the user for the access log.
///
/// # Errors
/// [`HttpError::NotLoggedIn`] without a valid session, and the errors of the database.
pub(crate) async fn session_of(
    request: &HttpRequest,
) -> Result<(SessionId, SessionUser), HttpError> {
    let session_id = SessionCookie::read(request).ok_or(HttpError::NotLoggedIn)?;
    let executor = request.app_data::<web::Data<BlockingExecutor>>();
    let executor = executor.ok_or(HttpError::NotLoggedIn)?;
    let user = executor
        .run_read(move |auth| auth.session_user(&session_id))
        .await?
        .ok_or(HttpError::NotLoggedIn)?;
    request.extensions_mut().insert(user.id);
    Ok((session_id, user))
}

impl<T> FromRequest for CurrentUser<T>
where
    T: FromRequest + 'static,
    T::Error: Into<HttpError>,
{
    type Error = HttpError;
    type Future = LocalBoxFuture<'static, Result<Self, HttpError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let mut payload = payload.take();
        Box::pin(async move {
            let (session_id, user) = session_of(&request).await?;
            let rest = T::from_request(&request, &mut payload).await;
            let rest = rest.map_err(Into::into)?;
            Ok(Self {
                session_id,
                user,
                rest,
            })
        })
    }
}

impl From<Infallible> for HttpError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
