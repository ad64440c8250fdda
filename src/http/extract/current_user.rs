//! Extracts the user of the request's session. Handlers get the user in no other way.

use std::convert::Infallible;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use futures_util::future::LocalBoxFuture;

use super::form::Form;
use crate::auth::{Auth, OwnerRequest};
use crate::domain::{Client, Password, SessionId, SessionUser};
use crate::http::extract::session_cookie::SessionCookie;
use crate::http::{BlockingExecutor, FormError, HttpError};

/// The user of the request's session, and the rest that a handler extracts. The rest is extracted
/// afterwards: without a session the response is 403, even if something else is wrong.
#[derive(Debug)]
pub(crate) struct CurrentUser<T = ()> {
    pub(crate) session_id: SessionId,
    pub(crate) user: SessionUser,
    pub(crate) rest: T,
}

/// The user of the request's session, who may still have to set up a second factor: for the routes
/// of the setup, and for a logout.
#[derive(Debug)]
pub(crate) struct EnrollingUser<T = ()>(pub(crate) CurrentUser<T>);

/// Looks up the session of a request's cookie, and notes the user for the access log.
///
/// # Errors
/// [`HttpError::NotLoggedIn`] without a valid session,
/// [`AuthError::EnrolmentRequired`](crate::auth::AuthError) for one that needs a second factor, and
/// the errors of the database.
pub(crate) async fn session_of(
    request: &HttpRequest,
) -> Result<(SessionId, SessionUser), HttpError> {
    let (session_id, user) = any_session_of(request).await?;
    let auth = request.app_data::<web::Data<Auth>>();
    auth.ok_or(HttpError::NotLoggedIn)?.check_level(&user)?;
    Ok((session_id, user))
}

/// Looks up the session of a request's cookie as [`session_of`] does, also one whose user still has
/// to set up a second factor.
///
/// # Errors
/// [`HttpError::NotLoggedIn`] without a valid session, and the errors of the database.
pub(crate) async fn any_session_of(
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
            let session = session_of(&request).await?;
            Self::with_rest(session, &request, &mut payload).await
        })
    }
}

impl<T> FromRequest for EnrollingUser<T>
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
            let session = any_session_of(&request).await?;
            let user = CurrentUser::with_rest(session, &request, &mut payload).await;
            Ok(Self(user?))
        })
    }
}

impl<T> CurrentUser<T>
where
    T: FromRequest + 'static,
    T::Error: Into<HttpError>,
{
    async fn with_rest(
        (session_id, user): (SessionId, SessionUser),
        request: &HttpRequest,
        payload: &mut Payload,
    ) -> Result<Self, HttpError> {
        let rest = T::from_request(request, payload).await;
        let rest = rest.map_err(Into::into)?;
        Ok(Self {
            session_id,
            user,
            rest,
        })
    }
}

impl<F> CurrentUser<Form<F>> {
    /// The request of an owner who gives the password again, and what else the form says. `read`
    /// reads the form.
    ///
    /// # Errors
    /// [`HttpError::Form`] for an invalid form.
    pub(crate) fn owner_request<T>(
        self,
        client: Client,
        read: impl FnOnce(F) -> Result<(Password, T), FormError>,
    ) -> Result<(OwnerRequest, T), HttpError> {
        let (current_password, rest) = read(self.rest.0)?;
        let request = OwnerRequest {
            owner: self.user,
            session_id: self.session_id,
            current_password,
            client,
        };
        Ok((request, rest))
    }
}

impl From<Infallible> for HttpError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}
