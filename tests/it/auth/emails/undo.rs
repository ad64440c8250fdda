//! The old address takes an account back.

use actix_web::http::Method;
use bienvenue::auth::EmailVerification::Off;
use bienvenue::auth::Notification;
use rstest::rstest;

use super::{ASKED, BOB, INVALID, NEW, PASSWORD, verified, with_bob};
use crate::support::mailbox::token_of;
use crate::support::{Engine, START};

#[rstest]
#[actix_web::test]
async fn r15_old_address_is_notified_and_undoes_the_change(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(app) = with_bob(engine, Off).await else {
        return;
    };
    let session = app.session(BOB).await;
    app.move_to(&session, NEW).await;
    let notice = app.mails.next();
    assert_eq!(notice.to.as_str(), BOB);
    assert!(notice.text.contains(NEW), "{}", notice.text);
    let undo = token_of(&notice);
    assert_eq!(app.verify(&undo).await.line(), verified(BOB));
    assert_eq!(app.emails(), [format!("{BOB} {BOB}")]);
    assert_eq!(app.profile(&session).await.line(), "403 ", "all is ended");
    for email in [BOB, NEW] {
        let with_old_password = app.log_in(email, PASSWORD).await;
        assert_eq!(with_old_password.status, 401, "who took it knew it");
    }
    let mail = app.mails.next_to(BOB);
    let reset = token_of(&mail);
    let body = format!("email={BOB}&reset_token={reset}&new_password=another");
    let answer = app.form(Method::PUT, "/reset_password", body).await;
    assert_eq!(answer.status, 200);
    assert_eq!(app.log_in(BOB, "another").await.status, 200);
    assert_eq!(app.verify(&undo).await.line(), INVALID, "once");
}

#[rstest]
#[actix_web::test]
async fn address_with_a_pending_undo_cannot_be_registered(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(app) = with_bob(engine, Off).await else {
        return;
    };
    app.prove();
    app.register("eve@dylan.com", PASSWORD).await;
    let (bob, eve) = (app.session(BOB).await, app.session("eve@dylan.com").await);
    app.move_to(&bob, NEW).await;
    let undo = token_of(&app.mails.next());
    let taken = app.register(&BOB.to_uppercase(), "a password").await;
    assert_eq!(
        taken.line(),
        r#"400 {"message":"email already registered"}"#
    );
    assert_eq!(app.ask_for(&eve, BOB, PASSWORD).await.line(), ASKED);
    assert!(app.mails.is_empty(&app.place), "eve is asked nothing");
    assert_eq!(app.verify(&undo).await.line(), verified(BOB));
}

/// Eve asks for it while it is free, and comes back when it is kept for bob.
#[actix_web::test]
async fn older_token_does_not_take_a_reserved_address() {
    const BETWEEN: &str = "between@dylan.com";
    let app = with_bob(Engine::Sqlite, Off).await.unwrap();
    app.register("eve@dylan.com", PASSWORD).await;
    let (bob, eve) = (app.session(BOB).await, app.session("eve@dylan.com").await);
    app.ask_for(&eve, BETWEEN, PASSWORD).await;
    let eves = token_of(&app.mails.next());
    app.advance(60);
    for email in [BETWEEN, NEW] {
        assert_eq!(app.move_to(&bob, email).await.line(), verified(email));
        app.mails.next();
    }
    assert_eq!(app.verify(&eves).await.line(), INVALID);
    assert_eq!(
        app.profile(&eve).await.line(),
        r#"200 {"email":"eve@dylan.com"}"#
    );
}

#[actix_web::test]
async fn former_owner_can_change_back_without_the_notice() {
    let app = with_bob(Engine::Sqlite, Off).await.unwrap();
    let session = app.session(BOB).await;
    app.move_to(&session, NEW).await;
    app.mails.next();
    app.advance(60);
    let back = app.move_to(&session, BOB).await;
    assert_eq!(back.line(), verified(BOB));
}

#[rstest]
#[actix_web::test]
async fn undo_and_reservation_end_after_three_days(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(app) = with_bob(engine, Off).await else {
        return;
    };
    let session = app.session(BOB).await;
    app.move_to(&session, NEW).await;
    let undo = token_of(&app.mails.next());
    app.advance(3 * 24 * 60 * 60);
    assert_eq!(app.verify(&undo).await.line(), INVALID);
    assert_eq!(app.register(BOB, "a password").await.status, 201);
}

/// Eve has bob's password: she moves the account, moves it on, and sets another password.
#[rstest]
#[actix_web::test]
async fn r32_later_changes_do_not_block_the_undo(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(app) = with_bob(engine, Off).await else {
        return;
    };
    let eve = app.session(BOB).await;
    app.move_to(&eve, "eve@evil.example").await;
    let bobs = token_of(&app.mails.next());
    app.move_to(&eve, "eve@worse.example").await;
    let eves = token_of(&app.mails.next());
    let body = format!("current_password={PASSWORD}&new_password=eves");
    let changed = app.as_user(&eve, Method::PUT, "/profile/password", body);
    let changed = changed.await;
    assert_eq!(changed.status, 200);
    assert_eq!(app.verify(&bobs).await.line(), verified(BOB));
    assert_eq!(app.emails(), [format!("{BOB} {BOB}")]);
    assert_eq!(app.verify(&eves).await.line(), INVALID);
    let sessions = app
        .place
        .texts("SELECT CAST(user_id AS TEXT) AS value FROM sessions");
    assert_eq!(sessions, [""; 0]);
}

/// Eve asks for another address while the mail server is away, and bob is faster.
#[actix_web::test]
async fn undo_ends_pending_email_changes() {
    let app = with_bob(Engine::Sqlite, Off).await.unwrap();
    let eve = app.session(BOB).await;
    app.move_to(&eve, "eve@evil.example").await;
    let bobs = token_of(&app.mails.next());
    app.ask_for(&eve, "eve@worse.example", PASSWORD).await;
    let eves = token_of(&app.mails.next());
    assert_eq!(app.verify(&bobs).await.line(), verified(BOB));
    assert_eq!(app.verify(&eves).await.line(), INVALID);
}

#[actix_web::test]
async fn without_the_notice_there_is_no_undo() {
    let mut setup = crate::support::app::Setup::new();
    setup.sends_mails = true;
    setup.auth.accounts.notices = vec![Notification::PasswordChanged];
    let app = setup.start().await;
    app.register(BOB, PASSWORD).await;
    let session = app.session(BOB).await;
    assert_eq!(app.move_to(&session, NEW).await.line(), verified(NEW));
    assert!(app.mails.is_empty(&app.place));
    let kept = app.place.texts("SELECT email AS value FROM former_emails");
    assert_eq!(kept, [""; 0]);
    assert_eq!(app.register(BOB, "a password").await.status, 201);
}

#[actix_web::test]
async fn f18_wrong_clock_reserves_no_address_for_years() {
    let app = with_bob(Engine::Sqlite, Off).await.unwrap();
    app.advance(10 * 365 * 24 * 60 * 60);
    let session = app.session(BOB).await;
    app.move_to(&session, NEW).await;
    let undo = token_of(&app.mails.next());
    app.clock.set(START);
    assert_eq!(app.verify(&undo).await.line(), INVALID);
    assert_eq!(app.register(BOB, "a password").await.status, 201);
}
