//! Logins by passkey alone.

use actix_web::http::Method;
use rstest::rstest;

use super::{BOB, PASSWORD, code_of, setup, setup_on};
use crate::support::Engine;
use crate::support::app::app;
use crate::support::authenticator::{Authenticator, USER_VERIFIED};

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn passkey_alone_logs_in(#[case] engine: Engine) {
    let Some(setup) = setup_on(engine) else {
        return;
    };
    let app = setup.start().await;
    let session_id = app.new_bob().await;
    let mut phone = Authenticator::phone();
    let added = app.add_passkey(&session_id, &mut phone).await;
    assert_eq!(added.json()["recovery_codes"].as_array().unwrap().len(), 10);

    let options = app.login_options().await;
    assert_eq!(options["rpId"], "localhost");
    assert_eq!(options["userVerification"], "required");
    assert_eq!(options["allowCredentials"], serde_json::json!([]));
    let credential = phone.sign(&options);
    let logged_in = app.send_login(&credential).await;
    assert_eq!(logged_in.status.as_u16(), 200, "{}", logged_in.body);
    let session_id = logged_in.session_id();
    assert_eq!(
        app.profile(&session_id).await.line(),
        "200 {\"email\":\"bob@x.fr\"}"
    );
    // It counts as both factors.
    let cookie = format!("session_id={session_id}");
    let verified = app.with_cookie(Method::GET, "/verify", &cookie).await;
    assert_eq!(verified.header("remote-auth-level"), Some("2"));

    let replayed = app.send_login(&credential).await;
    assert_eq!(
        replayed.line(),
        r#"401 {"message":"this passkey was not accepted"}"#
    );
    assert_eq!(code_of(&replayed), "invalid_passkey");
}

#[actix_web::test]
async fn login_by_passkey_needs_a_verified_user() {
    let app = setup().start().await;
    let session_id = app.new_bob().await;
    let mut phone = Authenticator::phone();
    app.add_passkey(&session_id, &mut phone).await;
    phone.flags &= !USER_VERIFIED;
    assert_eq!(code_of(&app.log_in_by(&phone).await), "invalid_passkey");
    phone.flags |= USER_VERIFIED;
    assert_eq!(app.log_in_by(&phone).await.status.as_u16(), 200);
}

#[actix_web::test]
async fn login_by_passkey_needs_the_user_handle() {
    let app = setup().start().await;
    let session_id = app.new_bob().await;
    let mut phone = Authenticator::phone();
    app.add_passkey(&session_id, &mut phone).await;
    let right = std::mem::take(&mut phone.user_handle);
    assert_eq!(code_of(&app.log_in_by(&phone).await), "invalid_passkey");
    phone.user_handle = vec![1; 32];
    assert_eq!(code_of(&app.log_in_by(&phone).await), "invalid_passkey");
    phone.user_handle = right;
    assert_eq!(app.log_in_by(&phone).await.status.as_u16(), 200);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn challenge_expires_and_belongs_to_its_client(#[case] engine: Engine) {
    let Some(setup) = setup_on(engine) else {
        return;
    };
    let app = setup.start().await;
    let session_id = app.new_bob().await;
    let mut phone = Authenticator::phone();
    app.add_passkey(&session_id, &mut phone).await;
    let credential = phone.sign(&app.login_options().await);
    app.advance(600);
    assert_eq!(
        code_of(&app.send_login(&credential).await),
        "invalid_passkey"
    );
    let credential = phone.sign(&app.login_options().await);
    let body = format!("credential={}", super::encoded(&credential));
    let other = actix_web::test::TestRequest::post()
        .uri("/sessions/passkey")
        .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
        .insert_header(("User-Agent", "another browser"))
        .set_payload(body);
    assert_eq!(code_of(&app.send(other).await), "invalid_passkey");
    assert_eq!(app.log_in_by(&phone).await.status.as_u16(), 200);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn challenge_of_another_purpose_does_not_log_in(#[case] engine: Engine) {
    let Some(setup) = setup_on(engine) else {
        return;
    };
    let app = setup.start().await;
    let session_id = app.new_bob().await;
    let mut phone = Authenticator::phone();
    app.add_passkey(&session_id, &mut phone).await;
    let path = "/account/passkeys/options";
    let proof = app.proof(&session_id, &phone).await;
    let registration = app.as_user(&session_id, Method::POST, path, proof).await;
    let registration = registration.json();
    let answer = app.send_login(&phone.sign(&registration)).await;
    assert_eq!(code_of(&answer), "invalid_passkey");
    let login = app.password_step().await;
    let path = "/sessions/second_factor/options";
    let second = app.pending(&login, path, String::new()).await.json();
    let answer = app.send_login(&phone.sign(&second)).await;
    assert_eq!(code_of(&answer), "invalid_passkey");
    // Nor does one for a login alone finish a second step.
    let login = app.password_step().await;
    let alone = app.login_options().await;
    let body = format!("credential={}", super::encoded(&phone.sign(&alone)));
    let answer = app.pending(&login, "/sessions/second_factor", body).await;
    assert_eq!(code_of(&answer), "invalid_second_factor");
}

#[actix_web::test]
async fn passkeys_need_a_host() {
    let app = app().await;
    let session_id = app.new_bob().await;
    let options = app
        .form(Method::POST, "/sessions/passkey/options", "")
        .await;
    assert_eq!(code_of(&options), "passkeys_unavailable");
    let body = format!("current_password={PASSWORD}");
    let options = app.as_user(&session_id, Method::POST, "/account/passkeys/options", body);
    assert_eq!(code_of(&options.await), "passkeys_unavailable");
    assert_eq!(app.log_in(BOB, PASSWORD).await.status.as_u16(), 200);
}

#[actix_web::test]
async fn unproved_address_is_asked_for_at_a_passkey_too() {
    let mut setup = setup();
    let session_id;
    let mut phone = Authenticator::phone();
    {
        let place = std::rc::Rc::clone(&setup.place);
        let app = setup.start().await;
        session_id = app.new_bob().await;
        app.add_passkey(&session_id, &mut phone).await;
        drop(app);
        setup = super::setup();
        setup.place = place;
    }
    setup.auth.accounts.email_verification = bienvenue::auth::EmailVerification::Required;
    let app = setup.start().await;
    assert_eq!(code_of(&app.log_in_by(&phone).await), "email_not_verified");
}
