//! A post by the user of a session, who gives the password again.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;

use super::field::Field;
use super::message::Message;
use super::posted_form::{Posted, PostedForm};
use super::session::SignedIn;
use super::view::View;
use super::visit::Visit;
use crate::auth::{AuthError, OwnerRequest};
use crate::domain::{Client, Password};
use crate::http::{HttpError, Refusal};

/// A post to a page that needs a login.
pub(crate) struct OwnerPost {
    pub(crate) signed_in: SignedIn,
    pub(crate) visit: Visit,
    pub(crate) form: PostedForm,
    client: Client,
}

impl OwnerPost {
    /// A post of a user who may still have to set up a second factor.
    ///
    /// # Errors
    /// A redirect to the login if there is no session.
    pub(crate) async fn enrolling(request: &HttpRequest, posted: Posted) -> Result<Self, Refusal> {
        let signed_in = SignedIn::enrolling(request, &posted.0).await?;
        Ok(Self::new(signed_in, posted))
    }

    fn new(signed_in: SignedIn, Posted(visit, client, form): Posted) -> Self {
        Self {
            signed_in,
            visit,
            form,
            client,
        }
    }

    /// Takes the password that the owner gives again.
    pub(crate) fn take_current_password(&mut self) -> Option<Password> {
        self.form.take(Field::current_password(), Password::parse)
    }

    /// The request of the owner, with that password.
    pub(crate) fn request(&self, current_password: Password) -> OwnerRequest {
        OwnerRequest {
            owner: self.signed_in.user.clone(),
            session_id: self.signed_in.session_id,
            current_password,
            client: self.client.clone(),
        }
    }

    /// The page again, with what is wrong with its fields.
    pub(crate) fn invalid(self, view: impl FnOnce(Vec<Field>, &SignedIn) -> View) -> Refusal {
        let view = view(self.form.into_fields(), &self.signed_in);
        self.visit.invalid(view)
    }

    /// The page again: a wrong password is shown beside its field, other errors above the form.
    pub(crate) fn refused(
        mut self,
        error: AuthError,
        view: impl FnOnce(Vec<Field>, &SignedIn) -> View,
    ) -> Refusal {
        let is_credentials = matches!(error, AuthError::InvalidCredentials);
        let error = HttpError::from(error);
        if is_credentials {
            self.form.set_wrong("current_password", &error);
        }
        let view = view(self.form.into_fields(), &self.signed_in);
        if is_credentials {
            self.visit.invalid_as(view, error)
        } else {
            self.visit.refuse(view, error)
        }
    }

    /// The page again after a request with a password and a second factor. A wrong one is shown
    /// above the form, not which of the two: that would tell a thief of the session about a guess.
    pub(crate) fn refused_with_factor(
        self,
        error: AuthError,
        view: impl FnOnce(Vec<Field>, &SignedIn) -> View,
    ) -> Refusal {
        if !matches!(
            error,
            AuthError::InvalidCredentials | AuthError::InvalidCode { .. }
        ) {
            return self.refused(error, view);
        }
        let view = view(self.form.into_fields(), &self.signed_in);
        let message = Message::new("second_factor.wrong");
        self.visit.refuse_with(view, error.into(), message)
    }
}

impl FromRequest for OwnerPost {
    type Error = Refusal;
    type Future = LocalBoxFuture<'static, Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let mut payload = payload.take();
        Box::pin(async move {
            let posted = Posted::from_request(&request, &mut payload).await?;
            let signed_in = SignedIn::of(&request, &posted.0).await?;
            Ok(Self::new(signed_in, posted))
        })
    }
}
