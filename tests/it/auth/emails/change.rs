//! A change of the email address by a mailed link.

use bienvenue::auth::EmailVerification::Off;
use bienvenue::domain::{EmailToken, SessionId};
use rstest::rstest;

use super::{ASKED, BOB, INVALID, NEW, PASSWORD, verified, with_bob};
use crate::support::Engine;
use crate::support::mailbox::token_of;

#[rstest]
#[actix_web::test]
async fn r32_r55_email_changes_when_its_new_address_is_verified(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(app) = with_bob(engine, Off).await else {
        return;
    };
    let session = app.session(BOB).await;
    assert_eq!(app.ask_for(&session, NEW, PASSWORD).await.line(), ASKED);
    let mail = app.mails.next();
    assert_eq!(mail.to.as_str(), NEW);
    let token = token_of(&mail);
    let link = format!("https://app.example.org/verify#token={token}");
    assert!(mail.text.contains(&link), "{}", mail.text);
    assert_eq!(
        app.emails(),
        [format!("{BOB} {BOB}")],
        "nothing has changed"
    );
    let legacy = app.place.texts("SELECT session_id AS value FROM users");
    let digest = SessionId::parse(&session).unwrap().digest();
    assert_eq!(legacy, [digest.to_hex()]);
    assert_eq!(app.verify(&token).await.line(), verified(NEW));
    assert_eq!(app.emails(), [format!("{NEW} {NEW}")]);
    assert_eq!(app.log_in(BOB, PASSWORD).await.status, 401);
    assert_eq!(app.log_in(NEW, PASSWORD).await.status, 200);
    assert_eq!(app.verify(&token).await.line(), INVALID, "a second time");
}

#[rstest]
#[actix_web::test]
async fn r32_email_change_needs_session_and_current_password(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(app) = with_bob(engine, Off).await else {
        return;
    };
    let session = app.session(BOB).await;
    let wrong = app.ask_for(&session, NEW, "wrong").await;
    assert_eq!(wrong.line(), r#"401 {"message":"invalid credentials"}"#);
    let nobody = app.ask_for("no-session", NEW, PASSWORD).await;
    assert_eq!(nobody.line(), "403 ");
    for (email, line) in [
        ("", r#"400 {"message":"email missing"}"#),
        (
            "bob",
            r#"400 {"message":"email needs a name, one @ and a domain"}"#,
        ),
    ] {
        assert_eq!(app.ask_for(&session, email, PASSWORD).await.line(), line);
    }
    let missing = app.ask_for(&session, NEW, "").await;
    assert_eq!(
        missing.line(),
        r#"400 {"message":"current_password missing"}"#
    );
    assert!(app.mails.is_empty(&app.place));
    assert_eq!(app.profile(&session).await.status, 200);
}

#[rstest]
#[actix_web::test]
async fn r16_change_to_a_taken_address_answers_alike(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(app) = with_bob(engine, Off).await else {
        return;
    };
    app.register(NEW, "another password").await;
    let session = app.session(BOB).await;
    let taken = app.ask_for(&session, &NEW.to_uppercase(), PASSWORD).await;
    assert_eq!(taken.line(), ASKED);
    assert!(app.mails.is_empty(&app.place));
    app.advance(60);
    let free = app.ask_for(&session, "free@dylan.com", PASSWORD).await;
    assert_eq!(taken.header_names(), free.header_names());
    assert_eq!(app.mails.next().to.as_str(), "free@dylan.com");
}

#[actix_web::test]
async fn address_registered_before_the_change_stays_with_its_user() {
    let app = with_bob(Engine::Sqlite, Off).await.unwrap();
    let session = app.session(BOB).await;
    app.ask_for(&session, NEW, PASSWORD).await;
    let token = token_of(&app.mails.next());
    assert_eq!(app.register(NEW, "another password").await.status, 201);
    assert_eq!(app.verify(&token).await.line(), INVALID);
    assert_eq!(app.log_in(NEW, "another password").await.status, 200);
    assert_eq!(app.log_in(BOB, PASSWORD).await.status, 200);
}

#[actix_web::test]
async fn another_spelling_of_the_own_address_is_free() {
    let app = with_bob(Engine::Sqlite, Off).await.unwrap();
    let session = app.session(BOB).await;
    let answer = app.move_to(&session, "Bob@Dylan.com").await;
    assert_eq!(answer.line(), verified("Bob@Dylan.com"));
    assert_eq!(app.emails(), ["Bob@Dylan.com bob@dylan.com"]);
    assert!(app.mails.is_empty(&app.place), "it is the same mailbox");
    app.advance(60);
    app.ask_for(&session, BOB, PASSWORD).await;
    let token = token_of(&app.mails.next());
    assert_eq!(app.verify(&token).await.line(), verified(BOB));
    assert_eq!(app.verify(&token).await.line(), INVALID, "a second time");
}

#[actix_web::test]
async fn a_token_for_a_new_address_lives_a_day_and_the_newest_counts() {
    let app = with_bob(Engine::Sqlite, Off).await.unwrap();
    let session = app.session(BOB).await;
    app.ask_for(&session, NEW, PASSWORD).await;
    let first = token_of(&app.mails.next());
    app.ask_for(&session, "second@dylan.com", PASSWORD).await;
    let second = token_of(&app.mails.next());
    assert_eq!(app.verify(&first).await.line(), INVALID);
    app.advance(24 * 60 * 60);
    assert_eq!(app.verify(&second).await.line(), INVALID);
    assert_eq!(app.emails(), [format!("{BOB} {BOB}")]);
}

#[rstest]
#[actix_web::test]
async fn r18_of_many_parallel_uses_of_an_email_token_one_succeeds(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(app) = with_bob(engine, Off).await else {
        return;
    };
    let session = app.session(BOB).await;
    app.ask_for(&session, NEW, PASSWORD).await;
    let token = token_of(&app.mails.next());
    let tries = (0..20).map(|_| app.verify(&token));
    let answers = futures_util::future::join_all(tries).await;
    let good = answers.iter().filter(|a| a.status == 200).count();
    assert_eq!(good, 1);
}

#[rstest]
#[actix_web::test]
async fn r30_new_password_ends_pending_email_changes(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(app) = with_bob(engine, Off).await else {
        return;
    };
    let session = app.session(BOB).await;
    app.ask_for(&session, NEW, PASSWORD).await;
    let token = token_of(&app.mails.next());
    let reset = app
        .auth
        .get_reset_password_token(&crate::support::email(BOB));
    let reset = reset.unwrap().expose();
    let body = format!("email={BOB}&reset_token={reset}&new_password=another");
    let method = actix_web::http::Method::PUT;
    assert_eq!(app.form(method, "/reset_password", body).await.status, 200);
    assert_eq!(app.verify(&token).await.line(), INVALID);
}

#[rstest]
#[actix_web::test]
async fn reset_token_of_the_old_address_is_invalid_after_a_change(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(app) = with_bob(engine, Off).await else {
        return;
    };
    let put = actix_web::http::Method::PUT;
    let reset = app
        .auth
        .get_reset_password_token(&crate::support::email(BOB));
    let reset = reset.unwrap().expose();
    let session = app.session(BOB).await;
    app.move_to(&session, NEW).await;
    for email in [BOB, NEW] {
        let body = format!("email={email}&reset_token={reset}&new_password=another");
        let answer = app.form(put.clone(), "/reset_password", body).await;
        assert_eq!(answer.status, 403, "{email}");
    }
}

#[actix_web::test]
async fn r30_new_password_drops_queued_mails_with_tokens() {
    let mut setup = crate::support::app::Setup::new();
    setup.sends_mails = false;
    let app = setup.start().await;
    app.register(BOB, PASSWORD).await;
    let session = app.session(BOB).await;
    app.ask_for(&session, NEW, PASSWORD).await;
    let waiting = || app.place.texts("SELECT letter AS value FROM outbox");
    assert_eq!(waiting(), ["confirm_email"]);
    let body = format!("current_password={PASSWORD}&new_password=another");
    let method = actix_web::http::Method::PUT;
    let changed = app.as_user(&session, method, "/profile/password", body);
    assert_eq!(changed.await.status, 200);
    assert_eq!(waiting(), ["password_changed"]);
}

#[actix_web::test]
async fn address_gets_one_change_mail_a_minute() {
    let app = with_bob(Engine::Sqlite, Off).await.unwrap();
    let session = app.session(BOB).await;
    for _ in 0..3 {
        assert_eq!(app.ask_for(&session, NEW, PASSWORD).await.line(), ASKED);
    }
    assert_eq!(app.mails.next().to.as_str(), NEW);
    assert!(app.mails.is_empty(&app.place));
}

#[actix_web::test]
async fn r57_account_mails_five_new_addresses_then_five_an_hour() {
    let app = with_bob(Engine::Sqlite, Off).await.unwrap();
    let session = app.session(BOB).await;
    let mut statuses = Vec::new();
    for number in 0..6 {
        let email = format!("address{number}@dylan.com");
        statuses.push(
            app.ask_for(&session, &email, PASSWORD)
                .await
                .status
                .as_u16(),
        );
    }
    assert_eq!(statuses, [200, 200, 200, 200, 200, 429]);
    app.advance(720);
    assert_eq!(app.ask_for(&session, NEW, PASSWORD).await.line(), ASKED);
}

#[actix_web::test]
async fn r87_tokens_of_other_purposes_and_other_texts_verify_nothing() {
    let app = with_bob(Engine::Sqlite, Off).await.unwrap();
    let session = app.session(BOB).await;
    let reset = app
        .auth
        .get_reset_password_token(&crate::support::email(BOB));
    let reset = reset.unwrap().expose();
    let unknown = EmailToken::generate().expose();
    for text in [&session, &reset, &unknown, &"text".to_owned()] {
        assert_eq!(app.verify(text).await.line(), INVALID);
    }
    let missing = app.verify("").await;
    assert_eq!(missing.line(), r#"400 {"message":"token missing"}"#);
    assert_eq!(app.profile(&session).await.status, 200);
}
