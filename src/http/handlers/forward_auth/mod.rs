//! Forward auth: `GET /verify`, which a proxy requests before it forwards a request.

mod login_location;

use std::borrow::Cow;
use std::fmt;

use actix_web::cookie::Cookie;
use actix_web::http::StatusCode;
use actix_web::http::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue, LOCATION};
use actix_web::{HttpMessage, HttpRequest, HttpResponse, ResponseError, web};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::auth::{AccessRequest, AuthError, VerifiedAccess, login_next};
use crate::domain::{AppUrl, Client, LoginState, Origin, RequestId};
use crate::http::extract::app_cookies::{app_session, login_state, set_login_state};
use crate::http::extract::asked_url::asked_url;
use crate::http::extract::client;
use crate::http::extract::session_cookie::SessionCookie;
use crate::http::pages::Pages;
use crate::http::response::{ERROR_CODE, Message, json, json_with};
use crate::http::{BlockingExecutor, HttpError, HttpSettings};
use login_location::{FirstPage, page_elsewhere, page_here};

const REMOTE_USER: HeaderName = HeaderName::from_static("remote-user");
const REMOTE_EMAIL: HeaderName = HeaderName::from_static("remote-email");
const REMOTE_GROUPS: HeaderName = HeaderName::from_static("remote-groups");
const REMOTE_AUTH_LEVEL: HeaderName = HeaderName::from_static("remote-auth-level");
const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");

/// The characters that are written as `%XX` in a header, in addition to all non-ASCII ones: the
/// percent sign, so that different addresses stay different; spaces, which proxies trim; and the
/// comma, at which some applications split a header.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b',');

/// `GET /verify`: tells a proxy which user is logged in and has access, before it forwards a
/// request to an application. OPTIONS is for proxies that ask with the client's own method.
pub(crate) async fn verify(request: HttpRequest) -> Result<HttpResponse, ForwardAuthError> {
    answer(&request, StatusCode::UNAUTHORIZED).await
}

/// `GET /verify/redirect`: the same for proxies that pass the whole answer on. A browser that
/// asks for a page without a login is redirected to the login, and one without access to the page
/// that says so; other clients get 401 and 403.
pub(crate) async fn verify_or_redirect(
    request: HttpRequest,
) -> Result<HttpResponse, ForwardAuthError> {
    let status = if is_navigation(request.headers()) {
        StatusCode::SEE_OTHER
    } else {
        StatusCode::UNAUTHORIZED
    };
    answer(&request, status).await
}

/// Whether a browser asks for a page to show: no script, no image, no other program.
fn is_navigation(headers: &HeaderMap) -> bool {
    match headers.get(SEC_FETCH_MODE) {
        Some(mode) => mode == "navigate",
        None => headers
            .get_all(ACCEPT)
            .any(|value| value.as_bytes().windows(9).any(|text| text == b"text/html")),
    }
}

async fn answer(
    request: &HttpRequest,
    logged_out: StatusCode,
) -> Result<HttpResponse, ForwardAuthError> {
    match access(request).await {
        Ok(access) => {
            request.extensions_mut().insert(access.user.id);
            let message = "logged in";
            let mut answer = json(StatusCode::OK, &Message { message });
            identify(&mut answer, Some(&access));
            Ok(answer)
        }
        Err(HttpError::Auth(
            missing @ (AuthError::NotLoggedIn
            | AuthError::EnrolmentRequired
            | AuthError::StepUpRequired),
        )) => {
            let page = first_page(request, &missing);
            let login = Login::of(request, page).await;
            let login = login.map_err(ForwardAuthError::Failed)?;
            Err(ForwardAuthError::NotLoggedIn(
                logged_out,
                login.into(),
                missing,
            ))
        }
        Err(error @ HttpError::Auth(AuthError::AccessDenied(_)))
            if logged_out == StatusCode::SEE_OTHER && has_pages(request) =>
        {
            Err(ForwardAuthError::Denied(denied(request), error))
        }
        Err(error) => Err(ForwardAuthError::Failed(error)),
    }
}

/// The page to go to first. Without pages, the login page is the application's own, which has to
/// handle the error code.
fn first_page(request: &HttpRequest, missing: &AuthError) -> FirstPage {
    let has_pages = has_pages(request);
    if has_pages && matches!(missing, AuthError::EnrolmentRequired) {
        FirstPage::Enrolment
    } else if has_pages && matches!(missing, AuthError::StepUpRequired) {
        FirstPage::StepUp
    } else {
        FirstPage::Login
    }
}

fn has_pages(request: &HttpRequest) -> bool {
    request.app_data::<web::Data<Pages>>().is_some()
}

/// The page for a browser whose user has no access.
fn denied(request: &HttpRequest) -> HeaderValue {
    match own_origin(request).zip(asked_url(request)) {
        Some((own, url)) => page_elsewhere(FirstPage::Denied, own, &url),
        None => page_here(FirstPage::Denied, request.headers()),
    }
}

/// The user who has access to what the client of a proxy asks for.
async fn access(request: &HttpRequest) -> Result<VerifiedAccess, HttpError> {
    let executor = request.app_data::<web::Data<BlockingExecutor>>();
    let executor = executor.ok_or(AuthError::NotLoggedIn)?;
    let url = asked_url(request);
    let origin = url.as_ref().map(AppUrl::origin);
    let asked = AccessRequest {
        session: SessionCookie::read(request),
        app_session: origin.and_then(|origin| app_session(request, origin)),
        own_origin: own_origin(request).cloned(),
        url,
    };
    let request_id = request.extensions().get::<RequestId>().cloned();
    let client = Client::new(client::address(request), None).with_request_id(request_id);
    let verdict = executor.run_read(move |auth| auth.verify_access(&asked, &client));
    Ok(verdict.await?)
}

fn own_origin(request: &HttpRequest) -> Option<&Origin> {
    let settings = request.app_data::<web::Data<HttpSettings>>();
    settings.and_then(|settings| settings.public_origin.as_ref())
}

/// The login page for a client without a login.
#[derive(Debug)]
pub(crate) struct Login {
    location: HeaderValue,
    /// On the host of an application: binds the login to this browser.
    state: Option<Cookie<'static>>,
}

impl Login {
    /// The login page: on the host of an application that of the service, else the same host's.
    async fn of(request: &HttpRequest, page: FirstPage) -> Result<Self, HttpError> {
        let here = || Self {
            location: page_here(page, request.headers()),
            state: None,
        };
        let executor = request.app_data::<web::Data<BlockingExecutor>>();
        let url = asked_url(request);
        let Some(((executor, url), own)) = executor.zip(url).zip(own_origin(request)) else {
            return Ok(here());
        };
        let origin = url.origin().clone();
        let is_other_host = origin != *own;
        let asked = origin.clone();
        if !is_other_host || !executor.run_read(move |auth| auth.is_app(&asked)).await? {
            return Ok(here());
        }
        // Kept while the browser logs in: its tabs may do so at the same time.
        let shown = login_state(request, &origin);
        let state = shown.unwrap_or_else(LoginState::generate);
        Ok(Self {
            location: page_elsewhere(page, own, &login_next(&url, &state)),
            state: Some(set_login_state(&state, &origin)),
        })
    }
}

/// The reason why the proxy must not forward the request. The status is 401 where `GET /profile`
/// has 403,
/// because proxies understand it as "log in first". `Location` is the login page, for a proxy
/// that redirects. There is no `WWW-Authenticate`, for which a browser would open a dialog.
#[derive(Debug)]
pub(crate) enum ForwardAuthError {
    /// There is no login, or not the second factor that the policy requires.
    NotLoggedIn(StatusCode, Box<Login>, AuthError),
    /// Without access, in a browser: it is led to the page that says so.
    Denied(HeaderValue, HttpError),
    Failed(HttpError),
}

/// The error code of the missing login or factor.
fn missing_code(missing: &AuthError) -> &'static str {
    if matches!(missing, AuthError::EnrolmentRequired) {
        "second_factor_enrolment_required"
    } else if matches!(missing, AuthError::StepUpRequired) {
        "second_factor_required"
    } else {
        "not_logged_in"
    }
}

impl fmt::Display for ForwardAuthError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotLoggedIn(_, _, missing) => missing.fmt(f),
            Self::Denied(_, error) | Self::Failed(error) => error.fmt(f),
        }
    }
}

impl ResponseError for ForwardAuthError {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::NotLoggedIn(status, ..) => *status,
            Self::Denied(..) => StatusCode::SEE_OTHER,
            Self::Failed(error) => error.status_code(),
        }
    }

    fn error_response(&self) -> HttpResponse {
        let mut answer = match self {
            Self::NotLoggedIn(status, login, missing) => {
                let mut answer = HttpResponse::build(*status);
                answer
                    .insert_header((LOCATION, login.location.clone()))
                    .insert_header((ERROR_CODE, missing_code(missing)));
                if let Some(state) = &login.state {
                    answer.cookie(state.clone());
                }
                let message = missing.to_string();
                json_with(&mut answer, &Message { message: &message })
            }
            Self::Denied(location, error) => HttpResponse::SeeOther()
                .insert_header((LOCATION, location.clone()))
                .insert_header((ERROR_CODE, error.describe().code))
                .finish(),
            Self::Failed(error) => error.error_response(),
        };
        identify(&mut answer, None);
        answer
    }
}

/// Sets every header in every response, empty without a user. A proxy copies the headers that it
/// finds; if one were missing, the client's own header of that name would stay.
fn identify(answer: &mut HttpResponse, access: Option<&VerifiedAccess>) {
    let mut values = [const { HeaderValue::from_static("") }; 4];
    if let Some(access) = access {
        let groups = access.groups.iter().map(|group| encoded(group.as_str()));
        let groups = groups.collect::<Vec<_>>().join(",");
        let text = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""));
        values = [
            HeaderValue::from(access.user.id.get()),
            text(&encoded(access.user.email.as_str())),
            text(&groups),
            HeaderValue::from(access.user.level.number()),
        ];
    }
    let names = [REMOTE_USER, REMOTE_EMAIL, REMOTE_GROUPS, REMOTE_AUTH_LEVEL];
    for (name, value) in names.into_iter().zip(values) {
        answer.headers_mut().insert(name, value);
    }
}

fn encoded(text: &str) -> Cow<'_, str> {
    utf8_percent_encode(text, ENCODED).into()
}
