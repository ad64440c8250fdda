//! Accounts that change hands: given away, stolen, squatted, deleted.

use actix_web::http::Method;
use bienvenue::auth::EmailVerification::Off;
use rstest::rstest;

use super::{ASKED, BOB, INVALID, NEW, PASSWORD, verified, with_bob};
use crate::support::Engine;
use crate::support::mailbox::token_of;

const TAKEN: &str = r#"400 {"message":"email already registered"}"#;

/// Bob gives his account away, and takes it back when the other person has reset the password.
#[rstest]
#[actix_web::test]
async fn m7_old_address_is_notified_of_its_replacement(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(app) = with_bob(engine, Off).await else {
        return;
    };
    let bob = app.session(BOB).await;
    assert_eq!(app.ask_for(&bob, NEW, PASSWORD).await.line(), ASKED);
    let asked = app.mails.next_to(NEW);
    for part in [BOB, "three days"] {
        assert!(asked.text.contains(part), "{part}: {}", asked.text);
        assert!(asked.html.contains(part), "{part}: {}", asked.html);
    }
    assert_eq!(app.verify(&token_of(&asked)).await.line(), verified(NEW));
    assert_eq!(app.profile(&bob).await.line(), "403 ", "the giver is out");
    let undo = token_of(&app.mails.next_to(BOB));
    app.form(Method::POST, "/reset_password", format!("email={NEW}"))
        .await;
    let reset = token_of(&app.mails.next_to(NEW));
    let body = format!("email={NEW}&reset_token={reset}&new_password=another");
    assert_eq!(
        app.form(Method::PUT, "/reset_password", body).await.status,
        200
    );
    app.mails.next_to(NEW);
    assert_eq!(app.verify(&undo).await.line(), verified(BOB));
    let told = app.mails.next_to(NEW);
    assert!(told.subject.contains("taken back"), "{}", told.subject);
    assert!(told.text.contains(BOB), "{}", told.text);
    app.mails.next_to(BOB);
    assert!(app.mails.is_empty(&app.place));
}

#[rstest]
#[actix_web::test]
async fn m7_a_new_address_ends_all_sessions_but_that_of_the_token(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(app) = with_bob(engine, Off).await else {
        return;
    };
    let (here, there) = (app.session(BOB).await, app.session(BOB).await);
    assert_eq!(app.move_to(&here, NEW).await.line(), verified(NEW));
    let profile = app.profile(&here).await;
    assert_eq!(profile.line(), format!(r#"200 {{"email":"{NEW}"}}"#));
    assert_eq!(app.profile(&there).await.line(), "403 ");
    let mirrored = "SELECT users.email AS value FROM users JOIN sessions ON user_id = users.id WHERE session_id IS NOT NULL";
    assert_eq!(app.place.texts(mirrored), [NEW]);
}

/// Eve has bob's password: she moves the account and deletes it.
#[rstest]
#[actix_web::test]
async fn l4_former_address_is_notified_and_stays_reserved(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(app) = with_bob(engine, Off).await else {
        return;
    };
    app.prove();
    let eve = app.session(BOB).await;
    app.move_to(&eve, NEW).await;
    let body = format!("current_password={PASSWORD}");
    let deleted = app.as_user(&eve, Method::DELETE, "/profile", body).await;
    assert_eq!(deleted.status, 200);
    let mut to_bob = vec![app.mails.next_to(BOB)];
    // The notice of the new address may have gone before, or is gone with the account.
    if !to_bob[0].subject.contains("deleted") {
        to_bob.push(app.mails.next_to(BOB));
    }
    let told = to_bob.pop().unwrap();
    assert!(told.subject.contains("deleted"), "{}", told.subject);
    assert!(told.text.contains(NEW), "{}", told.text);
    assert!(!app.mails.next_to(NEW).text.contains(BOB));
    assert_eq!(app.register(BOB, "eves").await.line(), TAKEN);
    app.advance(3 * 24 * 60 * 60);
    assert_eq!(app.register(BOB, "a password").await.status, 201);
}

/// Eve squats bob's address and moves on.
#[rstest]
#[actix_web::test]
async fn l5_unverified_former_address_is_free_at_once(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(app) = with_bob(engine, Off).await else {
        return;
    };
    let eve = app.session(BOB).await;
    app.move_to(&eve, NEW).await;
    let registered = app.register(BOB, "of the owner").await;
    assert_eq!(registered.status, 201, "{}", registered.body);
    assert_eq!(app.log_in(BOB, "of the owner").await.status, 200);
}

/// Eve has the password of an account whose address was never verified. She moves it and
/// registers the old address, to keep bob from taking it back.
#[rstest]
#[actix_web::test]
async fn l5_unverified_account_does_not_block_the_undo(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values(false, true)] proved: bool,
) {
    let Some(app) = with_bob(engine, Off).await else {
        return;
    };
    let eve = app.session(BOB).await;
    app.move_to(&eve, NEW).await;
    let undo = token_of(&app.mails.next_to(BOB));
    app.register(BOB, "eves").await;
    if proved {
        app.prove();
        assert_eq!(app.verify(&undo).await.line(), INVALID);
        assert_eq!(app.log_in(BOB, "eves").await.status, 200);
    } else {
        let usurper = app.log_in(BOB, "eves").await.session_id();
        assert_eq!(app.verify(&undo).await.line(), verified(BOB));
        assert_eq!(app.profile(&usurper).await.line(), "403 ");
        assert_eq!(app.emails(), [format!("{BOB} {BOB}")]);
    }
}

/// Bob asks for his own second address, and then for one that may be taken.
#[rstest]
#[actix_web::test]
async fn m5_exports_and_tokens_reveal_no_other_account(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(app) = with_bob(engine, Off).await else {
        return;
    };
    app.register("taken@dylan.com", "another password").await;
    let session = app.session(BOB).await;
    let mut seen = Vec::new();
    for other in ["free@dylan.com", "taken@dylan.com"] {
        app.place
            .sql("DELETE FROM throttle; DELETE FROM email_tokens;");
        app.ask_for(&session, NEW, PASSWORD).await;
        let older = token_of(&app.mails.next_to(NEW));
        app.ask_for(&session, other, PASSWORD).await;
        let export = async || {
            let answer = app
                .as_user(&session, Method::GET, "/profile/export", "")
                .await;
            let export = answer.json();
            ["tokens", "mails", "former_emails"].map(|field| export[field].to_string())
        };
        let at_once = export().await;
        let outbox = || app.place.texts("SELECT letter AS value FROM outbox");
        crate::support::eventually("an empty outbox", || outbox().is_empty());
        seen.push((at_once, export().await, app.verify(&older).await.line()));
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0].2, INVALID, "the newest request counts");
}

/// How an address is compared.
fn email_key(address: &str) -> String {
    let key = bienvenue::domain::NormalizedEmail::parse(address).unwrap();
    key.as_str().to_owned()
}

#[rstest]
#[actix_web::test]
async fn l7_address_with_a_longer_key_is_verified_and_changed(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(app) = with_bob(engine, Off).await else {
        return;
    };
    // The lower case of each letter is two characters. New accounts cannot have such an address.
    let long = format!("{}@x.com", "\u{130}".repeat(200));
    let key = email_key(&long);
    app.place.sql(&format!(
        "UPDATE users SET email = '{long}', email_key = '{key}' WHERE id = 1;
         INSERT INTO verified_emails (user_id, email_key, verified_at) VALUES (1, '{key}', 0)"
    ));
    let session = app.log_in(&long, PASSWORD).await.session_id();
    app.advance(60);
    assert_eq!(app.move_to(&session, NEW).await.line(), verified(NEW));
    let kept = "SELECT email_key AS value FROM former_emails";
    assert_eq!(app.place.texts(kept), [key]);
}
