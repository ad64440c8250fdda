//! The page of an invitation: registration by its link, also where registration is closed.

use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::context;

use super::field::Field;
use super::mailed_token::INVITE;
use super::posted_form::Posted;
use super::register::{done, log_in, refused};
use super::view::View;
use super::visit::Visit;
use crate::auth::{Auth, AuthError, RegistrationOutcome};
use crate::domain::{Email, Invitation, InvitationToken, Registration};
use crate::http::{BlockingExecutor, HttpError, Refusal};

/// `GET /invite`, `GET /invite?token=`
pub(crate) async fn show(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
    visit: Visit,
) -> Result<HttpResponse, Refusal> {
    if let Some(answer) = INVITE.before_form(&request, &visit, &view(Vec::new(), false)) {
        return answer;
    }
    let invitation = invitation_of(&executor, &visit, &request).await?;
    let email = invitation.email.as_ref().map_or("", Email::as_str);
    let fields = vec![
        Field::own_email().filled(email),
        Field::first_password(&auth.rules()),
    ];
    visit.show(&view(fields, true))
}

/// `POST /invite`
pub(crate) async fn submit(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
    Posted(visit, client, mut form): Posted,
) -> Result<HttpResponse, Refusal> {
    invitation_of(&executor, &visit, &request).await?;
    let rules = auth.rules();
    let email = form.take(Field::own_email(), Email::parse_new);
    let field = Field::first_password(&rules);
    let password = form.take_new_password(field, &auth, email.as_ref());
    let (Some(email), Some(password)) = (email, password) else {
        return Err(visit.invalid(view(form.into_fields(), true)));
    };
    let Some(token) = token_of(&request) else {
        return Err(visit.refuse(view(Vec::new(), false), invalid()));
    };
    let executor = executor.get_ref();
    let registered = auth.register_invited(executor, &email, password, &token, &client);
    let mut answer = match registered.await {
        Ok(RegistrationOutcome::New(user)) if rules.registration != Registration::Conceal => {
            log_in(&auth, executor, &visit, &client, user).await
        }
        Ok(registered) => done(&visit, &rules, &registered),
        Err(error) => return Err(refused(&visit, form, error, |fields| view(fields, true))),
    };
    let spent = INVITE.clearing(&visit.settings);
    // A cookie of fixed text is always a valid header. If the cookie stays, its token is spent.
    if let Err(error) = answer.add_cookie(&spent) {
        log::debug!("the cookie of an invitation stays: {error}");
    }
    Ok(answer)
}

/// The invitation of the request's token; a page without a form if it is not valid.
async fn invitation_of(
    executor: &BlockingExecutor,
    visit: &Visit,
    request: &HttpRequest,
) -> Result<Invitation, Refusal> {
    let refuse = |error| visit.refuse(view(Vec::new(), false), error);
    let token = token_of(request).ok_or_else(|| refuse(invalid()))?;
    let found = executor.run_read(move |auth| auth.invitation(&token)).await;
    found.map_err(|error| refuse(error.into()))
}

fn token_of(request: &HttpRequest) -> Option<InvitationToken> {
    let token = INVITE.token(request)?;
    InvitationToken::parse(&token).ok()
}

fn invalid() -> HttpError {
    AuthError::InvalidInvitation.into()
}

fn view(fields: Vec<Field>, usable: bool) -> View {
    View::new("invite.html", "invite.title")
        .fields(fields)
        .data(context! { usable })
}
