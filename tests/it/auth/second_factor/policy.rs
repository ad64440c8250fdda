//! Whether a second factor is asked for: `--second-factor`, and what a session may do without one.

use std::time::Duration;

use actix_web::http::Method;
use bienvenue::domain::{Email, InvitationToken, Registration, SecondFactorPolicy};
use rstest::rstest;

use super::{BOB, PASSWORD, code_of};
use crate::http::pages::visitor::Visitor;
use crate::support::app::{Setup, app};
use crate::support::{Engine, Place, settings};

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn required_factor_leads_to_enrolment_first(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let mut setup = Setup::at(place);
    setup.auth.second_factor = SecondFactorPolicy::Required;
    let app = setup.start().await;
    let session_id = app.bob().await;
    let cookie = format!("session_id={session_id}");
    let body = format!("current_password={PASSWORD}&new_password=new&email=a@x.fr&otp=000000");
    for (method, path) in [
        (Method::GET, "/profile"),
        (Method::GET, "/sessions"),
        (Method::GET, "/profile/export"),
        (Method::DELETE, "/profile"),
        (Method::PUT, "/profile/password"),
        (Method::PUT, "/profile/email"),
        (Method::DELETE, "/account/totp"),
        (Method::POST, "/account/recovery_codes"),
    ] {
        let refused = app.as_user(&session_id, method, path, body.clone()).await;
        assert_eq!(refused.status.as_u16(), 403, "{path}");
        assert_eq!(
            code_of(&refused),
            "second_factor_enrolment_required",
            "{path}"
        );
    }
    let unverified = app.with_cookie(Method::GET, "/verify", &cookie).await;
    assert_eq!(unverified.status.as_u16(), 401);
    assert_eq!(code_of(&unverified), "second_factor_enrolment_required");
    assert_eq!(unverified.header("remote-user"), Some(""));
    assert_eq!(
        unverified.header("location"),
        Some("/account/second-factor")
    );

    let (phone, _) = app.enrol(&session_id).await;
    assert_eq!(app.profile(&session_id).await.status.as_u16(), 200);
    let verified = app.with_cookie(Method::GET, "/verify", &cookie).await;
    assert_eq!(verified.status.as_u16(), 200);

    // Without the factor again, it is asked for again.
    let body = format!("current_password={PASSWORD}&otp={}", app.code(&phone));
    let removed = app
        .as_user(&session_id, Method::DELETE, "/account/totp", body)
        .await;
    assert_eq!(removed.status.as_u16(), 200);
    let refused = app.profile(&session_id).await;
    assert_eq!(code_of(&refused), "second_factor_enrolment_required");
    assert_eq!(app.log_out(&session_id).await.status.as_u16(), 200);
}

#[actix_web::test]
async fn verify_tells_the_level_of_the_session() {
    let app = app().await;
    let session_id = app.bob().await;
    let verify = |session_id: String| async move { format!("session_id={session_id}") };
    let level = async |session_id: &str| {
        let cookie = verify(session_id.to_owned()).await;
        let answer = app.with_cookie(Method::GET, "/verify", &cookie).await;
        answer.header("remote-auth-level").unwrap().to_owned()
    };
    assert_eq!(level(&session_id).await, "1");
    let (phone, _) = app.enrol(&session_id).await;
    assert_eq!(level(&session_id).await, "2");
    let session_id = app
        .log_in_with(PASSWORD, &app.code(&phone))
        .await
        .session_id();
    assert_eq!(level(&session_id).await, "2");
    assert_eq!(level("00000000-0000-4000-8000-000000000000").await, "");
}

#[actix_web::test]
async fn factor_is_required_where_new_ones_are_off() {
    let place = Place::new();
    let setup = Setup::at(place);
    let app = setup.start().await;
    app.enrol(&app.bob().await).await;
    let mut off = crate::support::app::quick();
    off.second_factor = SecondFactorPolicy::Off;
    let db = app.place.open(settings(&app.clock));
    let auth = bienvenue::auth::Auth::new(db, off).unwrap();
    let bob = bienvenue::domain::NormalizedEmail::parse(BOB).unwrap();
    let password = bienvenue::domain::Password::parse(PASSWORD).unwrap();
    let client = bienvenue::domain::Client::default();
    let login = auth.log_in(&bienvenue::auth::Inline, bob, password, None, &client);
    let error = login.await.unwrap_err();
    assert_eq!(error.to_string(), "second factor required");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn r96_invited_user_sets_up_a_factor_first(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let mut setup = Setup::at(place);
    setup.auth.accounts.registration = Registration::Closed;
    setup.auth.second_factor = SecondFactorPolicy::Required;
    let app = setup.start().await;
    let token = InvitationToken::generate();
    let db = app.place.open(settings(&app.clock));
    let email = Email::parse_new(BOB).unwrap();
    let expires_at = db.clock().now().plus(Duration::from_secs(3600));
    db.add_invitation(&token.digest(), Some(&email), None, expires_at)
        .unwrap();

    let bob = Visitor::default();
    let link = format!("/invite?token={}", token.expose());
    bob.follow(&app, &link).await;
    let form = [("email", BOB), ("password", PASSWORD)];
    let entered = bob.post(&app, "/invite", &form).await;
    assert_eq!(entered.status.as_u16(), 303, "{}", entered.body);
    let page = bob.get(&app, "/account").await;
    assert_eq!(
        page.header("location"),
        Some("/account/second-factor?next=%2Faccount")
    );
    let session_id = bob.cookie("session_id").unwrap();
    let refused = app.profile(&session_id).await;
    assert_eq!(code_of(&refused), "second_factor_enrolment_required");
    let session_id = app.log_in(BOB, PASSWORD).await.session_id();
    let refused = app.profile(&session_id).await;
    assert_eq!(code_of(&refused), "second_factor_enrolment_required");
}
