//! The pages that set up an authenticator app: the password, then the secret and a code.

use actix_web::{HttpRequest, HttpResponse, web};
use minijinja::context;

use super::recovery_codes::codes_page;
use crate::auth::{Auth, AuthError, Enrolment};
use crate::http::FormError;
use crate::http::pages::field::Field;
use crate::http::pages::next::SECOND_FACTOR;
use crate::http::pages::owner_post::OwnerPost;
use crate::http::pages::posted_form::Posted;
use crate::http::pages::session::SignedIn;
use crate::http::pages::view::View;
use crate::http::pages::visit::Visit;
use crate::http::{BlockingExecutor, HttpError, Refusal, qr_code};

/// `GET /account/second-factor/app`
pub(crate) async fn show(request: HttpRequest, visit: Visit) -> Result<HttpResponse, Refusal> {
    let signed_in = SignedIn::enrolling(&request, &visit).await?;
    visit.show(&password_view(vec![Field::current_password()], &signed_in))
}

/// `POST /account/second-factor/app`: answers with the secret, which no other request shows.
pub(crate) async fn submit(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
    posted: Posted,
) -> Result<HttpResponse, Refusal> {
    let mut post = OwnerPost::enrolling(&request, posted).await?;
    let Some(current) = post.take_current_password() else {
        return Err(post.invalid(password_view));
    };
    match auth
        .begin_totp(executor.get_ref(), post.request(current))
        .await
    {
        Ok(begun) => {
            let view = code_view(vec![Field::totp_code()], Some(&begun));
            post.visit.show(&view)
        }
        Err(AuthError::SecondFactorExists) => {
            Ok(post.visit.go_to(SECOND_FACTOR, ("done", "exists")).finish())
        }
        Err(error) => Err(post.refused(error, password_view)),
    }
}

/// `GET /account/second-factor/app/code`: the secret is gone, so it begins again.
pub(crate) async fn begin_again(visit: Visit) -> HttpResponse {
    visit.go_to(SECOND_FACTOR, ("done", "expired")).finish()
}

/// `POST /account/second-factor/app/code`: answers with the recovery codes.
pub(crate) async fn submit_code(
    auth: web::Data<Auth>,
    executor: web::Data<BlockingExecutor>,
    request: HttpRequest,
    Posted(visit, client, mut form): Posted,
) -> Result<HttpResponse, Refusal> {
    let SignedIn { session_id, user } = SignedIn::enrolling(&request, &visit).await?;
    // The page shows the secret again. It comes from the form, since a session alone may not read
    // it from the database.
    let secret = form.hidden("secret");
    let begun = secret.and_then(|secret| auth.enrolment_of(&secret, &user.email));
    let code = form.take(Field::totp_code(), |text| {
        Ok::<_, FormError>(text.to_owned())
    });
    let Some(code) = code else {
        return Err(visit.invalid(code_view(form.into_fields(), begun.as_ref())));
    };
    let owner = (user, session_id);
    match auth
        .confirm_totp(executor.get_ref(), owner, &code, &client)
        .await
    {
        Ok(codes) => visit.show(&codes_page(&visit, &codes, "recovery_codes.added")),
        Err(AuthError::SecondFactorExists) => {
            Ok(visit.go_to(SECOND_FACTOR, ("done", "exists")).finish())
        }
        Err(AuthError::NoSecondFactor) => {
            Ok(visit.go_to(SECOND_FACTOR, ("done", "expired")).finish())
        }
        Err(error @ (AuthError::InvalidCode { .. } | AuthError::ClockOff { .. })) => {
            let error = HttpError::from(error);
            form.set_wrong("otp", &error);
            Err(visit.invalid_as(code_view(form.into_fields(), begun.as_ref()), error))
        }
        Err(error) => {
            let view = code_view(form.into_fields(), begun.as_ref());
            Err(visit.refuse(view, HttpError::from(error)))
        }
    }
}

fn password_view(fields: Vec<Field>, signed_in: &SignedIn) -> View {
    let email = signed_in.user.email.as_str();
    View::new("second_factor_password.html", "totp.title")
        .fields(fields)
        .data(context! {
            email,
            intro => "totp.password_intro",
            action => "/account/second-factor/app",
            submit => "totp.continue",
        })
}

fn code_view(fields: Vec<Field>, begun: Option<&Enrolment>) -> View {
    let secret = begun.map(|begun| begun.secret.as_str());
    let groups: Option<Vec<String>> = secret.map(|secret| {
        let letters: Vec<char> = secret.chars().collect();
        letters
            .chunks(4)
            .map(|group| group.iter().collect())
            .collect()
    });
    View::new("second_factor_app.html", "totp.title")
        .fields(fields)
        .data(context! {
            secret,
            shown_secret => groups.map(|groups| groups.join(" ")),
            uri => begun.map(|begun| begun.otpauth_uri.as_str()),
            qr_svg => begun.and_then(|begun| qr_code::svg(&begun.otpauth_uri)),
        })
}
