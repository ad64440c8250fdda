//! What an attacker can and cannot do against passkeys, and how often.

use std::rc::Rc;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use bienvenue::auth::{RelyingParty, ThrottleSettings};
use bienvenue::domain::{NormalizedEmail, Password};
use rstest::rstest;

use super::{BOB, PASSWORD, code_of, encoded, setup, setup_on};
use crate::support::Engine;
use crate::support::authenticator::Authenticator;

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn thief_with_session_and_password_changes_no_passkey(#[case] engine: Engine) {
    let Some(setup) = setup_on(engine) else {
        return;
    };
    let app = setup.start().await;
    let session_id = app.new_bob().await;
    let mut phone = Authenticator::phone();
    app.add_passkey(&session_id, &mut phone).await;
    let mut theirs = Authenticator::phone();
    let forged = {
        let path = "/account/second_factor/options";
        let options = app
            .as_user(&session_id, Method::POST, path, "")
            .await
            .json();
        theirs.id.clone_from(&phone.id);
        encoded(&theirs.sign(&options))
    };
    for (method, path) in [
        (Method::POST, "/account/passkeys/options"),
        (Method::DELETE, "/account/passkeys/1"),
        (Method::DELETE, "/account/totp"),
    ] {
        for proof in [
            "otp=000000",
            "recovery_code=aaaa-aaaa-aaaa-aaaa",
            &format!("credential={forged}"),
        ] {
            let body = format!("current_password={PASSWORD}&{proof}");
            let refused = app.as_user(&session_id, method.clone(), path, body).await;
            let expected = if path.ends_with("totp") { 409 } else { 401 };
            assert_eq!(refused.status.as_u16(), expected, "{path} {proof}");
        }
    }
    assert_eq!(app.log_in_by(&phone).await.status.as_u16(), 200);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn stored_key_of_a_passkey_is_never_replaced(#[case] engine: Engine) {
    let Some(setup) = setup_on(engine) else {
        return;
    };
    let app = setup.start().await;
    let bob = app.new_bob().await;
    let mut phone = Authenticator::phone();
    app.add_passkey(&bob, &mut phone).await;
    let mut theirs = Authenticator::phone();
    theirs.id.clone_from(&phone.id);

    // Neither its owner nor another user stores a second key under its id.
    let path = "/account/passkeys/options";
    let proof = app.proof(&bob, &phone).await;
    let options = app.as_user(&bob, Method::POST, path, proof).await.json();
    let credential = theirs.register(&options);
    let answer = app.send_passkey(&bob, &credential, "x").await;
    assert_eq!(code_of(&answer), "passkey_exists");
    app.register("eve@x.fr", PASSWORD).await;
    let eve = app.log_in("eve@x.fr", PASSWORD).await.session_id();
    let options = app.passkey_options(&eve).await;
    let credential = theirs.register(&options);
    let answer = app.send_passkey(&eve, &credential, "x").await;
    assert_eq!(code_of(&answer), "passkey_exists");

    theirs.user_handle.clone_from(&phone.user_handle);
    assert_eq!(code_of(&app.log_in_by(&theirs).await), "invalid_passkey");
    assert_eq!(app.log_in_by(&phone).await.status.as_u16(), 200);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn password_alone_uses_and_adds_no_passkey(#[case] engine: Engine) {
    let Some(setup) = setup_on(engine) else {
        return;
    };
    let app = setup.start().await;
    let session_id = app.new_bob().await;
    let mut phone = Authenticator::phone();
    app.add_passkey(&session_id, &mut phone).await;
    let login = app.password_step().await;
    let mut theirs = Authenticator::phone();
    theirs.id.clone_from(&phone.id);
    theirs.user_handle.clone_from(&phone.user_handle);
    let second = app.passkey_step(&login, &theirs).await;
    assert_eq!(code_of(&second), "invalid_second_factor");
    assert_eq!(code_of(&app.log_in_by(&theirs).await), "invalid_passkey");
    let path = "/account/passkeys/options";
    for cookie in [login.clone(), login.replace("login=", "session_id=")] {
        let body = format!("current_password={PASSWORD}");
        let refused = app.pending(&cookie, path, body).await;
        assert_eq!(
            refused.status.as_u16(),
            403,
            "a pending login is no session"
        );
    }
    assert_eq!(app.profile(&session_id).await.status.as_u16(), 200);
    assert_eq!(app.passkey_step(&login, &phone).await.status.as_u16(), 200);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn mailbox_alone_sets_a_password_but_keeps_passkeys(#[case] engine: Engine) {
    let Some(setup) = setup_on(engine) else {
        return;
    };
    let app = setup.start().await;
    let session_id = app.new_bob().await;
    let mut phone = Authenticator::phone();
    app.add_passkey(&session_id, &mut phone).await;
    let token = app
        .auth
        .get_reset_password_token(NormalizedEmail::parse(BOB).unwrap());
    let theirs = Password::parse("theirs").unwrap();
    app.auth.update_password(&token.unwrap(), &theirs).unwrap();
    assert_eq!(app.profile(&session_id).await.status.as_u16(), 403);
    let login = app.log_in(BOB, "theirs").await;
    assert_eq!(code_of(&login), "second_factor_required");
    // The owner's passkey is a login without the password that the attacker has set.
    let owner = app.log_in_by(&phone).await;
    assert_eq!(owner.status.as_u16(), 200, "{}", owner.body);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn session_alone_names_passkeys_and_changes_none(#[case] engine: Engine) {
    let Some(setup) = setup_on(engine) else {
        return;
    };
    let app = setup.start().await;
    let session_id = app.new_bob().await;
    let mut phone = Authenticator::phone();
    app.add_passkey(&session_id, &mut phone).await;
    let cookie = format!("session_id={session_id}");
    let keys = app.with_cookie(Method::GET, "/account/passkeys", &cookie);
    let id = keys.await.json()[0]["id"].to_string();
    let one = format!("/account/passkeys/{id}");
    let named = app.as_user(&session_id, Method::PUT, &one, "name=theirs");
    assert_eq!(named.await.status.as_u16(), 200);
    for (method, path) in [
        (Method::POST, "/account/passkeys/options"),
        (Method::POST, "/account/recovery_codes"),
        (Method::DELETE, one.as_str()),
    ] {
        for proof in ["", "&otp=000000", "&recovery_code=aaaa-aaaa-aaaa-aaaa"] {
            let body = format!("current_password=guess{proof}");
            let refused = app.as_user(&session_id, method.clone(), path, body).await;
            assert_eq!(refused.status.as_u16(), 401, "{path} {proof}");
        }
    }
    let recovery = app.as_user(
        &session_id,
        Method::POST,
        "/account/passkeys",
        "name=theirs",
    );
    assert_eq!(
        recovery.await.status.as_u16(),
        400,
        "no challenge was asked for"
    );
    assert_eq!(app.log_in_by(&phone).await.status.as_u16(), 200);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn registration_begun_before_is_ended_by_another_factor(#[case] engine: Engine) {
    let Some(setup) = setup_on(engine) else {
        return;
    };
    let app = setup.start().await;
    let session_id = app.new_bob().await;
    // A thief begins while there is no factor, and goes on when there is one.
    let options = app.passkey_options(&session_id).await;
    let mut theirs = Authenticator::phone();
    let credential = theirs.register(&options);
    app.add_passkey(&session_id, &mut Authenticator::phone())
        .await;
    let refused = app.send_passkey(&session_id, &credential, "theirs").await;
    assert_eq!(code_of(&refused), "passkey_refused");
}

#[actix_web::test]
async fn passkey_of_another_host_is_of_no_use() {
    let setup_one = setup();
    let place = Rc::clone(&setup_one.place);
    let app = setup_one.start().await;
    let session_id = app.new_bob().await;
    let mut phone = Authenticator::phone();
    let added = app.add_passkey(&session_id, &mut phone).await;
    drop(app);
    let mut moved = setup();
    moved.place = place;
    moved.auth.relying_party = RelyingParty::new("https://new.x.fr", "new.x.fr");
    let app = moved.start().await;
    (phone.origin, phone.rp_id) = ("https://new.x.fr".into(), "new.x.fr".into());
    assert_eq!(code_of(&app.log_in_by(&phone).await), "invalid_passkey");
    // The account is not open to the password alone for that; recovery codes are the way.
    let login = app.password_step().await;
    let path = "/sessions/second_factor/options";
    let none = app.pending(&login, path, String::new()).await;
    assert_eq!(code_of(&none), "no_second_factor");
    let code = added.json()["recovery_codes"][0]
        .as_str()
        .unwrap()
        .to_owned();
    let body = format!("recovery_code={code}");
    let logged_in = app.pending(&login, "/sessions/second_factor", body).await;
    assert_eq!(logged_in.status.as_u16(), 200);
}

fn of_address(path: &str, address: &str, body: String) -> TestRequest {
    TestRequest::post()
        .uri(path)
        .peer_addr(format!("{address}:1").parse().unwrap())
        .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
        .set_payload(body)
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn requests_and_wrong_passkeys_are_limited_by_network(#[case] engine: Engine) {
    let Some(mut setup) = setup_on(engine) else {
        return;
    };
    setup.auth.throttle = ThrottleSettings::default();
    let app = setup.start().await;
    let session_id = app.new_bob().await;
    let mut phone = Authenticator::phone();
    app.add_passkey(&session_id, &mut phone).await;
    let options = |address| {
        app.send(of_address(
            "/sessions/passkey/options",
            address,
            String::new(),
        ))
    };
    for _ in 0..60 {
        assert_eq!(options("203.0.113.9").await.status.as_u16(), 200);
    }
    assert_eq!(options("203.0.113.9").await.status.as_u16(), 429);
    assert_eq!(options("198.51.100.9").await.status.as_u16(), 200);
    for body in [
        "credential=x".to_owned(),
        format!("credential={}", encoded("{}")),
    ] {
        for _ in 0..10 {
            let wrong = app.send(of_address("/sessions/passkey", "203.0.113.9", body.clone()));
            assert_eq!(code_of(&wrong.await), "invalid_passkey");
        }
    }
    let credential = phone.sign(&options("198.51.100.9").await.json());
    let body = format!("credential={}", encoded(&credential));
    let refused = app.send(of_address("/sessions/passkey", "203.0.113.9", body.clone()));
    assert_eq!(refused.await.status.as_u16(), 429);
    let other = app
        .send(of_address("/sessions/passkey", "198.51.100.9", body))
        .await;
    assert_eq!(other.status.as_u16(), 200, "{}", other.body);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn locked_account_is_locked_for_unknown_passkey_clients(#[case] engine: Engine) {
    let Some(mut setup) = setup_on(engine) else {
        return;
    };
    setup.auth.throttle = ThrottleSettings::default();
    let app = setup.start().await;
    let session_id = app.new_bob().await;
    let mut phone = Authenticator::phone();
    app.add_passkey(&session_id, &mut phone).await;
    for number in 0..6 {
        let body = format!("email={BOB}&password=wrong");
        let address = format!("192.0.2.{number}");
        app.send(of_address("/sessions", &address, body)).await;
    }
    let options = of_address("/sessions/passkey/options", "203.0.113.9", String::new());
    let credential = encoded(&phone.sign(&app.send(options).await.json()));
    let body = format!("credential={credential}");
    let login = of_address("/sessions/passkey", "203.0.113.9", body);
    assert_eq!(app.send(login).await.status.as_u16(), 429);
    // A stranger who knows the id of the passkey does not learn it.
    phone = {
        let mut theirs = Authenticator::phone();
        theirs.id.clone_from(&phone.id);
        theirs.user_handle.clone_from(&phone.user_handle);
        theirs
    };
    let options = of_address("/sessions/passkey/options", "203.0.113.9", String::new());
    let credential = encoded(&phone.sign(&app.send(options).await.json()));
    let body = format!("credential={credential}");
    let login = of_address("/sessions/passkey", "203.0.113.9", body);
    assert_eq!(code_of(&app.send(login).await), "invalid_passkey");
}
