//! Verified addresses, and logins that require one.

use actix_web::http::Method;
use bienvenue::auth::EmailVerification::{Off, Optional, Required};
use rstest::rstest;

use super::{BOB, INVALID, PASSWORD, verified, with_bob};
use crate::support::Engine;
use crate::support::mailbox::token_of;

const NOT_VERIFIED: &str = r#"403 {"message":"email not verified"}"#;

#[rstest]
#[actix_web::test]
async fn r85_required_verification_comes_before_the_login(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(app) = with_bob(engine, Required).await else {
        return;
    };
    let mail = app.mails.next();
    assert_eq!(mail.to.as_str(), BOB);
    let token = token_of(&mail);
    app.advance(60);
    let refused = app.log_in(BOB, PASSWORD).await;
    assert_eq!(refused.line(), NOT_VERIFIED);
    assert_eq!(refused.header("set-cookie"), None);
    let wrong = app.log_in(BOB, "wrong").await;
    assert_eq!(wrong.line(), r#"401 {"message":"invalid credentials"}"#);
    let sessions = app
        .place
        .texts("SELECT CAST(user_id AS TEXT) AS value FROM sessions");
    assert_eq!(sessions, [""; 0]);
    // The refused login has sent another mail, whose token is the newest.
    let again = token_of(&app.mails.next());
    assert_eq!(app.verify(&token).await.line(), INVALID);
    assert_eq!(app.verify(&again).await.line(), verified(BOB));
    assert_eq!(app.log_in(BOB, PASSWORD).await.status, 200);
}

#[actix_web::test]
async fn login_without_verification_sends_one_mail_a_minute() {
    let app = with_bob(Engine::Sqlite, Required).await.unwrap();
    app.mails.next();
    for _ in 0..3 {
        assert_eq!(app.log_in(BOB, PASSWORD).await.line(), NOT_VERIFIED);
    }
    assert!(app.mails.is_empty(&app.place), "the first mail counts");
    app.advance(60);
    app.log_in(BOB, PASSWORD).await;
    let token = token_of(&app.mails.next());
    assert_eq!(app.verify(&token).await.line(), verified(BOB));
}

#[rstest]
#[actix_web::test]
async fn r85_reset_by_mail_verifies_the_address(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(app) = with_bob(engine, Required).await else {
        return;
    };
    app.mails.next();
    let reset = async |token: String, new: &str| {
        let body = format!("email={BOB}&reset_token={token}&new_password={new}");
        let answer = app.form(Method::PUT, "/reset_password", body).await;
        assert_eq!(answer.status, 200);
    };
    let operators = app
        .auth
        .get_reset_password_token(&crate::support::email(BOB));
    reset(operators.unwrap().expose(), "by_the_operator").await;
    app.advance(60);
    let refused = app.log_in(BOB, "by_the_operator").await;
    assert_eq!(refused.line(), NOT_VERIFIED);
    for _ in ["the password was changed", "verify the email"] {
        app.mails.next();
    }
    let body = format!("email={BOB}");
    app.form(Method::POST, "/reset_password", body).await;
    reset(token_of(&app.mails.next()), "by_mail").await;
    assert_eq!(app.log_in(BOB, "by_mail").await.status, 200);
}

#[rstest]
#[actix_web::test]
async fn optional_verification_does_not_delay_the_login(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(app) = with_bob(engine, Optional).await else {
        return;
    };
    assert_eq!(app.log_in(BOB, PASSWORD).await.status, 200);
    let token = token_of(&app.mails.next());
    assert_eq!(app.verify(&token).await.line(), verified(BOB));
    assert_eq!(app.verify(&token).await.line(), INVALID, "once");
}

#[actix_web::test]
async fn verification_off_sends_no_mail() {
    let app = with_bob(Engine::Sqlite, Off).await.unwrap();
    assert_eq!(app.log_in(BOB, PASSWORD).await.status, 200);
    assert!(app.mails.is_empty(&app.place));
}

#[actix_web::test]
async fn verification_token_of_a_former_address_is_invalid() {
    let app = with_bob(Engine::Sqlite, Optional).await.unwrap();
    let token = token_of(&app.mails.next());
    app.place
        .sql("UPDATE users SET email = 'new@x.fr', email_key = 'new@x.fr'");
    assert_eq!(app.verify(&token).await.line(), INVALID);
    let proved = app
        .place
        .texts("SELECT email_key AS value FROM verified_emails");
    assert_eq!(proved, [""; 0]);
}

#[actix_web::test]
async fn address_changed_by_the_library_is_unverified() {
    let app = with_bob(Engine::Sqlite, Required).await.unwrap();
    let token = token_of(&app.mails.next());
    assert_eq!(app.verify(&token).await.line(), verified(BOB));
    app.place
        .sql("UPDATE users SET email = 'new@x.fr', email_key = 'new@x.fr'");
    assert_eq!(app.log_in("new@x.fr", PASSWORD).await.line(), NOT_VERIFIED);
}
