use std::convert::Infallible;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use futures_util::future::LocalBoxFuture;

use super::session_cookie::SessionCookie;
use super::{BlockingExecutor, HttpError};
use crate::domain::{SessionId, SessionUser};

/// The session of somebody who is logged in, and the rest of what a handler asks for, which
/// is not looked at before: who is not logged in is told so, whatever else is wrong.
#[derive(Debug)]
pub(super) struct LoggedIn<T = ()> {
    pub(super) session_id: SessionId,
    pub(super) user: SessionUser,
    pub(super) rest: T,
}

impl<T> FromRequest for LoggedIn<T>
where
    T: FromRequest + 'static,
    T::Error: Into<HttpError>,
{
    type Error = HttpError;
    type Future = LocalBoxFuture<'static, Result<Self, HttpError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let executor = request.app_data::<web::Data<BlockingExecutor>>().cloned();
        let cookie = SessionCookie::extract(request);
        let request = request.clone();
        let mut payload = payload.take();
        Box::pin(async move {
            let session_id = cookie.await?.session_id()?;
            let executor = executor.ok_or(HttpError::NotLoggedIn)?;
            let user = executor
                .run_read(move |auth| auth.session_user(&session_id))
                .await?
                .ok_or(HttpError::NotLoggedIn)?;
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
