//! A form that a browser posted to a page: all its fields are checked, not only up to the first
//! one that is wrong.

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use futures_util::future::LocalBoxFuture;
use zeroize::Zeroizing;

use super::field::{Field, Wrong};
use super::message::Message;
use super::visit::Visit;
use crate::auth::{Auth, AuthError};
use crate::domain::{Client, Email, Password};
use crate::http::extract::form::Fields;
use crate::http::{FormError, HttpError, Refusal};

/// A post to a page: the page, the client, and the form.
pub(crate) struct Posted(pub(crate) Visit, pub(crate) Client, pub(crate) PostedForm);

/// The fields of a post, and those of the page that answers it.
#[derive(Debug, Default)]
pub(crate) struct PostedForm {
    sent: Fields,
    fields: Vec<Field>,
}

/// A field whose text cannot be read.
#[derive(Debug)]
pub(crate) struct WrongField;

impl PostedForm {
    /// Takes a field: keeps what was typed for the page, and reads it. None for one that is
    /// missing or wrong, and then the page shows the error beside it.
    pub(crate) fn take<T, E: Into<FormError>>(
        &mut self,
        field: Field,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        let name = field.name;
        let text = self.sent.take(name);
        let typed: &str = text.as_deref().map_or("", String::as_str);
        let mut field = field.filled(typed);
        let read = match &text {
            Some(text) => parse(text).map_err(Into::into),
            None => Err(FormError::Missing(name)),
        };
        let read = read.map_err(HttpError::from);
        if let Err(error) = &read {
            field.set_wrong(error);
        }
        self.fields.push(field);
        read.ok()
    }

    /// Shows a field that is not read.
    pub(crate) fn show(&mut self, field: Field) {
        self.fields.push(field);
    }

    /// Takes a field that may be empty, and then has no value.
    ///
    /// # Errors
    /// [`WrongField`], and then the page shows the error beside the field.
    pub(crate) fn take_optional<T, E: Into<FormError>>(
        &mut self,
        field: Field,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<Option<T>, WrongField> {
        let field = field.optional();
        if self.sent.has(field.name) {
            return self.take(field, parse).map(Some).ok_or(WrongField);
        }
        self.fields.push(field);
        Ok(None)
    }

    /// Takes a new password, and checks it by the rules for the user with this address. None for
    /// one that is missing or breaks a rule, and then the page shows the error beside it.
    pub(crate) fn take_new_password(
        &mut self,
        field: Field,
        auth: &Auth,
        email: Option<&Email>,
    ) -> Option<Password> {
        let name = field.name;
        let password = self.take(field, Password::parse)?;
        match auth.check_new_password(&password, email) {
            Ok(()) => Some(password),
            Err(refused) => {
                self.set_wrong(name, &AuthError::from(refused).into());
                None
            }
        }
    }

    /// Adds an error beside a field that was parsed.
    pub(crate) fn set_wrong(&mut self, name: &str, error: &HttpError) {
        let mut fields = self.fields.iter_mut();
        if let Some(field) = fields.find(|field| field.name == name) {
            field.set_wrong(error);
        }
    }

    /// Adds an error of the page's own beside the first field with one of the names. Returns
    /// whether there is such a field.
    pub(crate) fn set_wrong_with(
        &mut self,
        names: &[&str],
        code: &'static str,
        message: &Message,
    ) -> bool {
        let mut fields = self.fields.iter_mut();
        let Some(field) = fields.find(|field| names.contains(&field.name)) else {
            return false;
        };
        field.wrong = Some(Wrong {
            code,
            message: message.clone(),
        });
        true
    }

    /// A field that the page does not show.
    pub(crate) fn hidden(&mut self, name: &str) -> Option<Zeroizing<String>> {
        self.sent.take(name)
    }

    /// The fields of the page that answers.
    pub(crate) fn into_fields(self) -> Vec<Field> {
        self.fields
    }
}

impl FromRequest for Posted {
    type Error = Refusal;
    type Future = LocalBoxFuture<'static, Result<Self, Refusal>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        let payload = payload.take();
        Box::pin(async move {
            let mut visit = Visit::of(&request).await?;
            let sent = Fields::of(&request, payload).await;
            let mut sent = sent.map_err(|error| visit.error(error.into()))?;
            let client = Client::extract(&request).await;
            let client = client.unwrap_or_default();
            if let Some(next) = sent.take("next") {
                visit.set_next(&next).await;
            }
            let form = PostedForm {
                sent,
                fields: Vec::new(),
            };
            Ok(Self(visit, client, form))
        })
    }
}
