//! Requests of administrators: the only way into the pages of administration.

use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::http::Method;
use actix_web::{FromRequest, HttpRequest, HttpResponse, web};
use futures_util::future::LocalBoxFuture;

use super::refusals;
use crate::auth::{
    ActOutcome, AdminAct, AdminProof, AdminRequest, Administrator, Auth, AuthError, RequestOptions,
};
use crate::domain::{Client, Origin, Password, UserId};
use crate::http::extract::own_origin::own_origin;
use crate::http::pages::field::Field;
use crate::http::pages::message::Message;
use crate::http::pages::next::with_query;
use crate::http::pages::posted_form::{Posted, PostedForm};
use crate::http::pages::session::SignedIn;
use crate::http::pages::view::View;
use crate::http::pages::visit::Visit;
use crate::http::{BlockingExecutor, HttpError, Refusal};

/// A request for a page of administration, by an administrator.
pub(crate) struct AdminVisit {
    administrator: Administrator,
    pub(super) visit: Visit,
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
}

impl AdminVisit {
    /// Checks that the request is an administrator's.
    ///
    /// # Errors
    /// A redirect to the login without a session; [`AuthError::NotAdministrator`] for other
    /// users; and where the second factor was not shown, a redirect to where it is shown from a
    /// page, and [`AuthError::StepUpRequired`] or [`AuthError::EnrolmentRequired`] for an act.
    async fn of(request: &HttpRequest) -> Result<Self, Refusal> {
        let visit = Visit::of(request).await?;
        let executor = request.app_data::<web::Data<BlockingExecutor>>();
        let executor = executor.ok_or_else(|| Refusal::plain(HttpError::NotFound))?;
        let is_act = *request.method() == Method::POST;
        let signed_in = SignedIn::of(request, &visit).await;
        let SignedIn { session_id, user } = signed_in.map_err(|refusal| {
            let is_weak = matches!(
                refusal.error(),
                HttpError::Auth(AuthError::EnrolmentRequired)
            );
            if is_act && is_weak {
                visit.error(AuthError::EnrolmentRequired.into())
            } else {
                refusal
            }
        })?;
        let check = move |auth: &Auth| auth.administrator(session_id, user);
        let administrator = match executor.run_read(check).await {
            Ok(administrator) => administrator,
            Err(AuthError::StepUpRequired) if !is_act => {
                let pairs = [("reason", "step_up"), ("next", request.path())];
                return Err(Refusal::step_up_first(with_query("/login", pairs)));
            }
            Err(error) => return Err(visit.error(error.into())),
        };
        Ok(Self {
            administrator,
            visit,
            executor: executor.clone(),
            request: request.clone(),
        })
    }

    /// A value in the path.
    pub(super) fn named<T: FromStr>(&self, name: &str) -> Result<T, Refusal> {
        let text = self.request.match_info().get(name);
        let value = text.and_then(|text| text.parse().ok());
        value.ok_or_else(|| self.visit.error(HttpError::NotFound))
    }

    /// The user whose id is in the path.
    pub(super) fn user_id(&self) -> Result<UserId, Refusal> {
        Ok(UserId::new(self.named("id")?))
    }

    /// Reads for the page, on a blocking thread.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Auth, &Administrator) -> Result<T, AuthError> + Send + 'static,
    ) -> Result<T, Refusal> {
        let administrator = self.administrator.clone();
        let read = move |auth: &Auth| work(auth, &administrator);
        let found = self.executor.run_long_read(read).await;
        found.map_err(|error| {
            let is_missing = matches!(error, AuthError::NoResultFound);
            self.visit.error(if is_missing {
                HttpError::NotFound
            } else {
                error.into()
            })
        })
    }

    /// The address of the administrator, for the password manager.
    pub(super) fn email(&self) -> &str {
        self.administrator.user().email.as_str()
    }

    /// Whether the administrator can show a passkey.
    pub(super) fn has_passkey(&self) -> bool {
        self.administrator.has_passkey()
    }

    /// Whether a user is the administrator.
    pub(super) fn is_own(&self, user: UserId) -> bool {
        self.administrator.user().id == user
    }

    /// The page, with the confirmation that its address names. Unknown ones say nothing.
    pub(super) fn show(
        &self,
        view: View,
        done: fn(&str) -> Option<&'static str>,
    ) -> Result<HttpResponse, Refusal> {
        let notice = self.visit.query("done").and_then(done).map(Message::new);
        self.visit.show(&view.notice(notice))
    }

    /// The origin under which users reach the service.
    pub(super) fn own_origin(&self) -> Option<Origin> {
        own_origin(self.request.head(), &self.visit.settings)
    }
}

impl FromRequest for AdminVisit {
    type Error = Refusal;
    type Future = LocalBoxFuture<'static, Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { Self::of(&request).await })
    }
}

/// A form that an administrator posts. It is read after the check of the administrator.
pub(crate) struct AdminPost {
    pub(super) admin: AdminVisit,
    pub(super) form: PostedForm,
    auth: web::Data<Auth>,
    client: Client,
}

impl AdminPost {
    /// Carries out an act, if the form has the right password or passkey. `view` is the form again, with its
    /// fields. Without an act, a field is wrong.
    ///
    /// # Errors
    /// The form again: 403 without the right password or passkey, else with the error beside its field, or
    /// above the form.
    pub(super) async fn act(
        mut self,
        act: Option<AdminAct>,
        view: impl Fn(&AdminVisit, Vec<Field>) -> View,
    ) -> Result<(AdminVisit, ActOutcome), Refusal> {
        let credential = self.form.hidden("credential");
        let credential = credential.filter(|text| !text.is_empty());
        let proof = if let Some(credential) = credential {
            self.form.show(Field::own_password());
            Some(AdminProof::Passkey(credential.to_string()))
        } else {
            let password = self.form.take(Field::own_password(), Password::parse);
            password.map(AdminProof::Password)
        };
        let Self {
            admin,
            mut form,
            auth,
            client,
        } = self;
        let Some(proof) = proof else {
            let view = view(&admin, form.into_fields());
            let error = HttpError::ReauthenticationRequired;
            return Err(admin.visit.invalid_as(view, error));
        };
        let Some(act) = act else {
            let view = view(&admin, form.into_fields());
            return Err(admin.visit.invalid(view));
        };
        let request = AdminRequest {
            administrator: admin.administrator.clone(),
            proof,
            client,
        };
        let error = match auth.act(admin.executor.get_ref(), request, act).await {
            Ok(outcome) => return Ok((admin, outcome)),
            Err(error) => error,
        };
        if matches!(error, AuthError::InvalidCredentials) {
            form.set_wrong("current_password", &error.into());
            let view = view(&admin, form.into_fields());
            let error = HttpError::ReauthenticationRequired;
            return Err(admin.visit.invalid_as(view, error));
        }
        if matches!(error, AuthError::InvalidPasskey(_)) {
            let message = Message::of_error(&HttpError::from(error).describe());
            let view = view(&admin, form.into_fields());
            let error = HttpError::ReauthenticationRequired;
            return Err(admin.visit.refuse_with(view, error, message));
        }
        if let AuthError::ActRefused(refusal) = &error {
            let (fields, message) = (refusals::fields(refusal), refusals::message(refusal));
            let error = HttpError::from(error);
            let code = error.describe().code;
            let is_beside = form.set_wrong_with(fields, code, &message);
            let view = view(&admin, form.into_fields());
            return Err(if is_beside {
                admin.visit.invalid_as(view, error)
            } else {
                admin.visit.refuse_with(view, error, message)
            });
        }
        let view = view(&admin, form.into_fields());
        Err(admin.visit.refuse(view, error.into()))
    }
}

impl AdminPost {
    /// The options for a passkey of the administrator, for an act in this session.
    ///
    /// # Errors
    /// Those of [`Auth::begin_passkey_act`], as the API answers them: a script reads them.
    pub(super) async fn passkey_options(&self) -> Result<RequestOptions, Refusal> {
        let executor = self.admin.executor.get_ref();
        let administrator = &self.admin.administrator;
        let begun = self
            .auth
            .begin_passkey_act(executor, administrator, &self.client);
        begun.await.map_err(|error| Refusal::plain(error.into()))
    }
}

impl FromRequest for AdminPost {
    type Error = Refusal;
    type Future = LocalBoxFuture<'static, Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let mut payload = payload.take();
        Box::pin(async move {
            let admin = AdminVisit::of(&request).await?;
            let auth = request.app_data::<web::Data<Auth>>();
            let auth = auth.ok_or_else(|| Refusal::plain(HttpError::NotFound))?;
            let Posted(_, client, form) = Posted::from_request(&request, &mut payload).await?;
            Ok(Self {
                admin,
                form,
                auth: auth.clone(),
                client,
            })
        })
    }
}
