//! Logins of users who have a second factor.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use bienvenue::auth::Inline;
use bienvenue::domain::{BcryptCost, Client, NormalizedEmail, Password, SessionId};
use rstest::rstest;

use super::{BOB, PASSWORD, code_of, login_cookie};
use crate::support::app::{Setup, app};
use crate::support::{Engine, Place, until_hash};

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn login_asks_for_the_second_factor_and_goes_on(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let app = Setup::at(place).start().await;
    let (phone, _) = app.enrol(&app.bob().await).await;
    let first = app.log_in(BOB, PASSWORD).await;
    assert_eq!(first.line(), r#"401 {"message":"second factor required"}"#);
    assert_eq!(code_of(&first), "second_factor_required");
    let cookies = first.headers("set-cookie");
    assert_eq!(cookies.len(), 1, "{cookies:?}");
    let (_, attributes) = cookies[0].split_once(';').unwrap();
    assert_eq!(attributes, " HttpOnly; SameSite=Lax; Path=/; Max-Age=600");
    let login = login_cookie(&first);
    // It has no other use.
    let value = login.strip_prefix("login=").unwrap();
    assert_eq!(app.profile(value).await.status.as_u16(), 403);

    let wrong = app.second_step(&login, "otp=000000").await;
    assert_eq!(wrong.line(), r#"401 {"message":"invalid code"}"#);
    assert_eq!(code_of(&wrong), "invalid_second_factor");
    let missing = app.second_step(&login, "").await;
    assert_eq!(missing.line(), r#"400 {"message":"otp missing"}"#);

    let body = format!("otp={}", app.code(&phone));
    let second = app.second_step(&login, &body).await;
    assert_eq!(second.status.as_u16(), 200, "{}", second.body);
    let cleared = second.headers("set-cookie");
    assert!(cleared.iter().any(|cookie| cookie.starts_with("login=;")));
    let session_id = second.session_id();
    assert_eq!(app.profile(&session_id).await.status.as_u16(), 200);
    app.advance(30);
    let body = format!("otp={}", app.code(&phone));
    let again = app.second_step(&login, &body).await;
    assert_eq!(code_of(&again), "login_expired", "it is used up");
}

#[actix_web::test]
async fn login_cookie_is_secure_behind_https() {
    let mut setup = Setup::new();
    setup.http.https = true;
    let app = setup.start().await;
    app.enrol(&app.bob().await).await;
    let first = app.log_in(BOB, PASSWORD).await;
    assert!(first.headers("set-cookie")[0].contains("; Secure"));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn one_request_with_both_factors_logs_in(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let app = Setup::at(place).start().await;
    let (phone, _) = app.enrol(&app.bob().await).await;
    let spaced = app.code(&phone);
    let spaced = format!("{}+{}", &spaced[..3], &spaced[3..]);
    let logged_in = app.log_in_with(PASSWORD, &spaced).await;
    assert_eq!(logged_in.status.as_u16(), 200, "{}", logged_in.body);
    assert!(
        !logged_in
            .headers("set-cookie")
            .iter()
            .any(|c| c.starts_with("login="))
    );
    let session_id = logged_in.session_id();
    assert_eq!(app.profile(&session_id).await.status.as_u16(), 200);
}

#[actix_web::test]
async fn wrong_code_or_password_is_not_told_apart() {
    let app = app().await;
    let (phone, _) = app.enrol(&app.bob().await).await;
    let right = app.code(&phone);
    let wrong_password = app.log_in_with("another", &right).await;
    let wrong_code = app.log_in_with(PASSWORD, "000000").await;
    let no_code = app.log_in_with(PASSWORD, "xyz").await;
    for answer in [&wrong_code, &no_code] {
        assert_eq!(answer.line(), wrong_password.line());
        assert_eq!(answer.header_names(), wrong_password.header_names());
        assert_eq!(code_of(answer), "invalid_credentials");
    }
    // Nothing of it used the code up.
    assert_eq!(app.log_in_with(PASSWORD, &right).await.status.as_u16(), 200);
}

#[actix_web::test]
async fn wrong_password_does_not_reveal_a_second_factor() {
    let app = app().await;
    app.enrol(&app.bob().await).await;
    app.register("ann@x.fr", "ann_pwd").await;
    let with = app.log_in(BOB, "another").await;
    let without = app.log_in("ann@x.fr", "another").await;
    assert_eq!(with.line(), without.line());
    assert_eq!(with.header_names(), without.header_names());
}

#[actix_web::test]
async fn user_without_a_second_factor_is_asked_for_none() {
    let app = app().await;
    app.bob().await;
    assert_eq!(
        app.log_in_with(PASSWORD, "123456").await.status.as_u16(),
        200
    );
    // Nor is one whose app is not confirmed.
    let session_id = app.log_in(BOB, PASSWORD).await.session_id();
    app.begin_totp(&session_id).await;
    assert_eq!(app.log_in(BOB, PASSWORD).await.status.as_u16(), 200);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn login_under_way_meets_a_new_second_factor(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    // The hash must not be done before the login waits for it.
    let mut setup = Setup::at(place);
    setup.auth.passwords.bcrypt_cost = BcryptCost::SERVING_MINIMUM;
    let app = setup.start().await;
    let session_id = app.bob().await;
    let (bob, client) = (NormalizedEmail::parse(BOB).unwrap(), Client::default());
    let password = Password::parse(PASSWORD).unwrap();
    let login = until_hash(app.auth.log_in(&Inline, bob, password, None, &client));
    app.enrol(&session_id).await;
    let error = login.await.unwrap_err();
    assert_eq!(error.to_string(), "second factor required");
    assert_eq!(app.profile(&session_id).await.status.as_u16(), 200);
}

#[actix_web::test]
async fn pending_login_expires_and_belongs_to_its_client() {
    let app = app().await;
    let (phone, _) = app.enrol(&app.bob().await).await;
    let login = app.first_step().await;
    let other = TestRequest::post()
        .uri("/sessions/second_factor")
        .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
        .insert_header(("Cookie", login.clone()))
        .insert_header(("User-Agent", "another browser"))
        .set_payload(format!("otp={}", app.code(&phone)));
    assert_eq!(code_of(&app.send(other).await), "login_expired");
    let device = format!("{login}; device=00000000-0000-4000-8000-000000000000");
    let body = format!("otp={}", app.code(&phone));
    assert_eq!(
        code_of(&app.second_step(&device, &body).await),
        "login_expired"
    );
    for cookie in ["", "login=x", "login=00000000-0000-4000-8000-000000000000"] {
        let answer = app.second_step(cookie, &body).await;
        assert_eq!(code_of(&answer), "login_expired", "{cookie}");
    }
    app.advance(600);
    let body = format!("otp={}", app.code(&phone));
    assert_eq!(
        code_of(&app.second_step(&login, &body).await),
        "login_expired"
    );
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn pending_login_ends_with_what_it_began_with(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let app = Setup::at(place).start().await;
    let (phone, _) = app.enrol(&app.bob().await).await;
    let logged_in = app.log_in_with(PASSWORD, &app.code(&phone)).await;
    let session_id = logged_in.session_id();
    app.advance(30);

    let login = app.first_step().await;
    let body = format!("current_password={PASSWORD}&new_password={PASSWORD}");
    let changed = app.as_user(&session_id, Method::PUT, "/profile/password", body);
    let changed = changed.await;
    assert_eq!(changed.status.as_u16(), 200, "{}", changed.body);
    let body = format!("otp={}", app.code(&phone));
    let ended = app.second_step(&login, &body).await;
    assert_eq!(code_of(&ended), "login_expired", "a new password");

    let login = app.first_step().await;
    let token = app
        .auth
        .get_reset_password_token(NormalizedEmail::parse(BOB).unwrap());
    let password = Password::parse(PASSWORD).unwrap();
    app.auth
        .update_password(&token.unwrap(), &password)
        .unwrap();
    let ended = app.second_step(&login, &body).await;
    assert_eq!(code_of(&ended), "login_expired", "a reset");

    let login = app.first_step().await;
    let session_id = app
        .log_in_with(PASSWORD, &app.code(&phone))
        .await
        .session_id();
    app.advance(30);
    let body = format!("otp={}", app.code(&phone));
    let ended = app.second_step(&login, &body).await;
    assert_eq!(code_of(&ended), "login_expired", "a finished login");

    let login = app.first_step().await;
    let removal = format!("current_password={PASSWORD}&{body}");
    let removed = app.as_user(&session_id, Method::DELETE, "/account/totp", removal);
    let removed = removed.await;
    assert_eq!(removed.status.as_u16(), 200, "{}", removed.body);
    let ended = app.second_step(&login, &body).await;
    assert_eq!(code_of(&ended), "login_expired", "the factor is gone");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn recovery_code_logs_in_once(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let app = Setup::at(place).start().await;
    let (_, codes) = app.enrol(&app.bob().await).await;
    let code = codes[3].replace('-', "+").to_uppercase();
    let body = format!("recovery_code={code}");
    let logged_in = app.second_step(&app.first_step().await, &body).await;
    assert_eq!(logged_in.status.as_u16(), 200, "{}", logged_in.body);
    let again = app.second_step(&app.first_step().await, &body).await;
    assert_eq!(code_of(&again), "invalid_second_factor");
    let session_id = SessionId::parse(&logged_in.session_id()).unwrap();
    let user = app.auth.get_user_from_session_id(&session_id);
    let status = app
        .auth
        .second_factor_status(user.unwrap().unwrap().id)
        .unwrap();
    assert_eq!(
        (status.factors, status.recovery_codes_left),
        (vec!["totp"], 9)
    );
}
