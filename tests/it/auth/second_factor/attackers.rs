//! Attackers who know the password, hold the mailbox, or hold a session.

use actix_web::http::Method;
use bienvenue::domain::{NormalizedEmail, Password};
use rstest::rstest;

use super::undo::{notifying, reset, spend};
use super::{BOB, PASSWORD, code_of};
use crate::support::app::{Setup, app};
use crate::support::mailbox::token_of;
use crate::support::{Engine, Place};

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn password_alone_opens_and_changes_nothing(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let app = Setup::at(place).start().await;
    let session_id = app.bob().await;
    let (phone, _) = app.enrol(&session_id).await;
    let used = app.code(&phone);
    let session_id = app.log_in_with(PASSWORD, &used).await.session_id();
    app.advance(30);
    let login = app.first_step().await;
    for body in [
        "otp=000000",
        &format!("otp={used}"),
        "recovery_code=aaaa-aaaa-aaaa-aaaa",
    ] {
        assert_eq!(
            code_of(&app.second_step(&login, body).await),
            "invalid_second_factor"
        );
    }
    let id = login.replace("login", "session_id");
    let body = format!("current_password={PASSWORD}&new_password=theirs");
    for (method, path) in [
        (Method::PUT, "/profile/password"),
        (Method::POST, "/account/totp"),
        (Method::POST, "/account/recovery_codes"),
        (Method::DELETE, "/profile"),
    ] {
        let request = actix_web::test::TestRequest::with_uri(path)
            .method(method)
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .insert_header(("Cookie", format!("{login}; {id}")))
            .set_payload(body.clone());
        assert_eq!(app.send(request).await.status.as_u16(), 403, "{path}");
    }
    // The owner notices nothing of it.
    assert_eq!(app.profile(&session_id).await.status.as_u16(), 200);
    let owner = app.log_in_with(PASSWORD, &app.code(&phone)).await;
    assert_eq!(owner.status.as_u16(), 200);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn r96_mailbox_alone_sets_a_password_and_gets_no_further(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let app = Setup::at(place).start().await;
    let (phone, _) = app.enrol(&app.bob().await).await;
    let token = app
        .auth
        .get_reset_password_token(NormalizedEmail::parse(BOB).unwrap());
    let theirs = Password::parse("theirs").unwrap();
    app.auth.update_password(&token.unwrap(), &theirs).unwrap();
    let login = app.log_in(BOB, "theirs").await;
    assert_eq!(code_of(&login), "second_factor_required");
    let wrong = app.log_in_with("theirs", "000000").await;
    assert_eq!(code_of(&wrong), "invalid_credentials");
    let owner = app.log_in_with("theirs", &app.code(&phone)).await;
    assert_eq!(owner.status.as_u16(), 200, "the factor is in place");
}

/// Neither a change of the address nor its undo, with the reset that follows, is a way around.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn r96_factor_is_asked_for_after_a_moved_address(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let app = notifying(place).start().await;
    let session_id = app.bob().await;
    app.enrol(&session_id).await;
    app.mails.next_to(BOB);
    app.advance(60);
    let body = format!("current_password={PASSWORD}&email=new@x.fr");
    app.as_user(&session_id, Method::PUT, "/profile/email", body)
        .await;
    let moved = spend(&app, &token_of(&app.mails.next_to("new@x.fr"))).await;
    assert_eq!(moved.status.as_u16(), 200, "{}", moved.body);
    let login = app.log_in("new@x.fr", PASSWORD).await;
    assert_eq!(code_of(&login), "second_factor_required");
    let undone = spend(&app, &token_of(&app.mails.next_to(BOB))).await;
    assert_eq!(undone.status.as_u16(), 200, "{}", undone.body);
    let login = reset(&app, &app.mails.next_to(BOB)).await;
    assert_eq!(code_of(&login), "second_factor_required");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn session_alone_changes_no_second_factor(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let app = Setup::at(place).start().await;
    let session_id = app.bob().await;
    let theirs = |method, path: &'static str, body: &'static str| {
        app.as_user(&session_id, method, path, body)
    };
    let begun = theirs(Method::POST, "/account/totp", "current_password=guess").await;
    assert_eq!(begun.status.as_u16(), 401);
    let (phone, _) = app.enrol(&session_id).await;
    for (method, path, body) in [
        (Method::POST, "/account/totp", "current_password=guess"),
        (
            Method::POST,
            "/account/recovery_codes",
            "current_password=guess",
        ),
        (
            Method::DELETE,
            "/account/totp",
            "current_password=guess&otp=000000",
        ),
    ] {
        assert_eq!(
            theirs(method, path, body).await.status.as_u16(),
            401,
            "{path}"
        );
    }
    // Not with the password alone either.
    let removal = "current_password=bob_pwd&otp=000000";
    let removed = theirs(Method::DELETE, "/account/totp", removal).await;
    assert_eq!(removed.status.as_u16(), 401);
    let owner = app.log_in_with(PASSWORD, &app.code(&phone)).await;
    assert_eq!(owner.status.as_u16(), 200);
}

/// A thief with session and password moves the account and adds a factor; the owner of the old
/// mailbox takes it back and is asked for none.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn former_mailbox_removes_the_factor_of_a_thief(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let mut setup = Setup::at(place);
    setup.sends_mails = true;
    let app = setup.start().await;
    let session_id = app.bob().await;
    let body = format!("current_password={PASSWORD}&email=thief@x.fr");
    app.as_user(&session_id, Method::PUT, "/profile/email", body)
        .await;
    let token = token_of(&app.mails.next_to("thief@x.fr"));
    let moved = app
        .form(Method::PUT, "/verify_email", format!("token={token}"))
        .await;
    assert_eq!(moved.status.as_u16(), 200, "{}", moved.body);
    let undo = token_of(&app.mails.next_to(BOB));
    let login = app.log_in("thief@x.fr", PASSWORD).await;
    app.enrol(&login.session_id()).await;
    let undone = app
        .form(Method::PUT, "/verify_email", format!("token={undo}"))
        .await;
    assert_eq!(undone.status.as_u16(), 200, "{}", undone.body);
    // Notifications may come before it.
    let mut mail = app.mails.next_to(BOB);
    while !mail.text.contains("\ntoken: ") {
        mail = app.mails.next_to(BOB);
    }
    let token = token_of(&mail);
    let body = format!("reset_token={token}&new_password=new");
    let reset = app.form(Method::PUT, "/reset_password", body).await;
    assert_eq!(reset.status.as_u16(), 200, "{}", reset.body);
    assert_eq!(app.log_in(BOB, "new").await.status.as_u16(), 200);
}

#[actix_web::test]
async fn changed_password_keeps_the_level_of_its_session() {
    let app = app().await;
    let session_id = app.bob().await;
    let (phone, _) = app.enrol(&session_id).await;
    let body = format!("current_password={PASSWORD}&new_password=new");
    let changed = app
        .as_user(&session_id, Method::PUT, "/profile/password", body)
        .await;
    let cookies = changed.headers("set-cookie");
    let cookie = cookies[0].split(';').next().unwrap();
    let verified = app.with_cookie(Method::GET, "/verify", cookie).await;
    assert_eq!(verified.header("remote-auth-level"), Some("2"));
    assert_eq!(
        app.log_in_with("new", &app.code(&phone))
            .await
            .status
            .as_u16(),
        200
    );
}
