//! The uses of a reset token, and its lifetime.

use std::sync::Barrier;
use std::thread;

use actix_web::http::Method;
use bienvenue::auth::AuthError;
use bienvenue::domain::{ResetToken, SessionId};
use rstest::rstest;

use super::{BOB, INVALID, NEW, NOBODY, OLD, beside, encoded, with_bob};
use crate::support::{Engine, email, password};

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn r18_a_token_sets_a_new_password_once(#[case] engine: Engine) {
    let Some(app) = with_bob(engine).await else {
        return;
    };
    let token = app.token(BOB);
    let answer = app.reset(" Bob@Dylan.com ", &token, NEW).await;
    assert_eq!(
        answer.line(),
        format!("200 {{\"email\":\"{BOB}\",\"message\":\"Password updated\"}}")
    );
    assert_eq!(app.log_in(BOB, OLD).await.status, 401);
    assert_eq!(app.log_in(BOB, NEW).await.status, 200);
    assert_eq!(app.reset(BOB, &token, "a third one").await.line(), INVALID);
    assert_eq!(app.log_in(BOB, NEW).await.status, 200);
    let letters = app.place.texts("SELECT letter AS value FROM outbox");
    assert_eq!(letters, ["password_changed"], "the owner is told");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn r18_of_twenty_tries_at_once_one_spends_the_token(#[case] engine: Engine) {
    let Some(app) = with_bob(engine).await else {
        return;
    };
    let token = ResetToken::parse(&app.token(BOB)).unwrap();
    let (auth, barrier) = (&app.auth, Barrier::new(20));
    let outcomes: Vec<_> = thread::scope(|scope| {
        let tries: Vec<_> = (0..20)
            .map(|number| {
                let (auth, barrier) = (auth.clone(), &barrier);
                let new = password(&format!("new password {number}"));
                scope.spawn(move || {
                    barrier.wait();
                    (auth.update_password(&token, &new), new)
                })
            })
            .collect();
        tries.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let won: Vec<_> = outcomes.iter().filter(|(done, _)| done.is_ok()).collect();
    assert_eq!(won.len(), 1);
    let lost = |outcome: &Result<_, AuthError>| {
        matches!(outcome, Ok(_) | Err(AuthError::InvalidResetToken))
    };
    assert!(outcomes.iter().all(|(outcome, _)| lost(outcome)));
    let bob = email(BOB);
    let (auth, new) = (&app.auth, &won[0].1);
    assert!(beside(|| auth.valid_login(&bob, new)).unwrap());
    let notices = app.place.texts("SELECT letter AS value FROM outbox");
    assert_eq!(notices.len(), 1);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn r19_token_is_random_short_lived_and_stored_as_a_digest(#[case] engine: Engine) {
    let Some(app) = with_bob(engine).await else {
        return;
    };
    let token = app.token(BOB);
    assert_eq!(uuid::Uuid::parse_str(&token).unwrap().get_version_num(), 4);
    let digest = ResetToken::parse(&token).unwrap().digest();
    for table in [
        "SELECT digest AS value FROM password_resets",
        "SELECT reset_token AS value FROM users",
    ] {
        assert_eq!(app.place.texts(table), [digest.to_hex()]);
    }
    app.advance(30 * 60);
    assert_eq!(app.reset(BOB, &token, NEW).await.line(), INVALID);
    let token = app.token(BOB);
    app.advance(30 * 60 - 1);
    assert_eq!(app.reset(BOB, &token, NEW).await.status, 200);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn r18_only_the_newest_token_is_valid_for_its_account(#[case] engine: Engine) {
    let Some(app) = with_bob(engine).await else {
        return;
    };
    app.register("alice@dylan.com", "alice_pwd").await;
    let (older, newer) = (app.token(BOB), app.token(BOB));
    assert_eq!(app.reset(BOB, &older, NEW).await.line(), INVALID);
    for other in ["alice@dylan.com", NOBODY] {
        assert_eq!(app.reset(other, &newer, NEW).await.line(), INVALID);
    }
    assert_eq!(app.reset(BOB, "no uuid", NEW).await.line(), INVALID);
    assert_eq!(app.log_in("alice@dylan.com", "alice_pwd").await.status, 200);
    assert_eq!(app.reset(BOB, &newer, NEW).await.status, 200);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn reset_token_alone_finds_its_account(#[case] engine: Engine) {
    let Some(app) = with_bob(engine).await else {
        return;
    };
    app.register("alice@dylan.com", "alice_pwd").await;
    let reset = async |email: Option<&str>, token: &str, new: &str| {
        let mut fields = vec![("reset_token", token), ("new_password", new)];
        fields.extend(email.map(|email| ("email", email)));
        let answer = app
            .form(Method::PUT, "/reset_password", encoded(&fields))
            .await;
        answer.line()
    };
    let updated = format!("200 {{\"email\":\"{BOB}\",\"message\":\"Password updated\"}}");
    for email in [None, Some("")] {
        let token = app.token(BOB);
        assert_eq!(reset(email, &token, NEW).await, updated, "{email:?}");
        assert_eq!(reset(email, &token, "again").await, INVALID, "{email:?}");
        assert_eq!(reset(email, "no uuid", NEW).await, INVALID, "{email:?}");
        assert_eq!(app.log_in(BOB, NEW).await.status, 200);
    }
    let token = app.token(BOB);
    for email in ["alice@dylan.com", NOBODY] {
        assert_eq!(reset(Some(email), &token, OLD).await, INVALID);
    }
    assert_eq!(app.log_in("alice@dylan.com", "alice_pwd").await.status, 200);
    assert_eq!(reset(None, &token, "").await, missing("new_password"));
    assert_eq!(reset(None, "", NEW).await, missing("reset_token"));
    let spaces = reset(Some(" "), &token, NEW).await;
    assert_eq!(
        spaces,
        missing("email"),
        "it is there, and names no account"
    );
    assert_eq!(reset(None, &token, OLD).await, updated);
}

fn missing(field: &str) -> String {
    format!("400 {{\"message\":\"{field} missing\"}}")
}

#[actix_web::test]
async fn token_with_the_email_of_another_counts_as_a_guess() {
    let app = with_bob(Engine::Sqlite).await.unwrap();
    let token = app.token(BOB);
    for _ in 0..20 {
        let answer = app.reset_from("192.0.2.7", NOBODY, &token, NEW).await;
        assert_eq!(answer.line(), INVALID);
    }
    let answer = app.reset_from("192.0.2.7", NOBODY, &token, NEW).await;
    assert_eq!(answer.status, 429);
    let answer = app.reset_from("192.0.2.7", BOB, &token, NEW).await;
    assert_eq!(answer.status, 200);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn token_of_an_operator_has_the_lifetime_asked_for(#[case] engine: Engine) {
    let Some(app) = with_bob(engine).await else {
        return;
    };
    let three_days = std::time::Duration::from_secs(3 * 86_400);
    let token = || {
        let token = app.auth.create_reset_token(&email(BOB), three_days);
        token.unwrap().expose()
    };
    let first = token();
    app.advance(3 * 86_400 - 1);
    assert_eq!(app.reset(BOB, &first, NEW).await.status, 200);
    let second = token();
    app.advance(3 * 86_400);
    assert_eq!(app.reset(BOB, &second, NEW).await.line(), INVALID);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn r30_a_reset_ends_every_session_token_and_known_device(#[case] engine: Engine) {
    let Some(app) = with_bob(engine).await else {
        return;
    };
    let session = app.log_in(BOB, OLD).await.session_id();
    app.place.sql(
        "INSERT INTO email_tokens SELECT 'a digest', id, 'verify', NULL, 0, 9000000000 FROM users",
    );
    let token = app.token(BOB);
    assert_eq!(app.reset(BOB, &token, NEW).await.status, 200);
    assert_eq!(app.profile(&session).await.status, 403);
    for table in [
        "sessions",
        "email_tokens",
        "password_resets",
        "known_clients",
    ] {
        let rows = format!("SELECT 'left' AS value FROM {table}");
        assert_eq!(app.place.texts(&rows), [""; 0], "{table}");
    }
    let mirrors = "SELECT 'left' AS value FROM users \
                   WHERE session_id IS NOT NULL OR reset_token IS NOT NULL";
    assert_eq!(app.place.texts(mirrors), [""; 0]);
}

#[actix_web::test]
async fn r84_reset_does_not_log_in() {
    let app = with_bob(Engine::Sqlite).await.unwrap();
    let token = app.token(BOB);
    let answer = app.reset(BOB, &token, NEW).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.headers("Set-Cookie"), [""; 0]);
    let sessions = app
        .place
        .texts("SELECT CAST(user_id AS TEXT) AS value FROM sessions");
    assert_eq!(sessions, [""; 0]);
}

#[actix_web::test]
async fn r85_reset_ends_sessions_of_an_earlier_squatter() {
    let app = with_bob(Engine::Sqlite).await.unwrap();
    let squatter = app.log_in(BOB, OLD).await.session_id();
    let token = app.token(BOB);
    assert_eq!(app.reset(BOB, &token, NEW).await.status, 200);
    assert_eq!(app.profile(&squatter).await.status, 403);
    assert_eq!(app.log_in(BOB, OLD).await.status, 401);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn r87_r26_tokens_of_one_purpose_are_invalid_for_others(#[case] engine: Engine) {
    let Some(app) = with_bob(engine).await else {
        return;
    };
    let session = app.log_in(BOB, OLD).await.session_id();
    let token = app.token(BOB);
    assert_eq!(app.reset(BOB, &session, NEW).await.line(), INVALID);
    assert_eq!(app.profile(&token).await.status, 403);
    let (as_session, as_reset) = (
        SessionId::parse(&token).unwrap(),
        ResetToken::parse(&token).unwrap(),
    );
    assert_ne!(as_session.digest().to_hex(), as_reset.digest().to_hex());
}

#[actix_web::test]
async fn r88_refused_password_leaves_the_token_valid() {
    let mut setup = crate::support::app::Setup::new();
    setup.auth.passwords.password_min_length = 8.into();
    let app = setup.start().await;
    app.register(BOB, "bob and his guitar").await;
    let token = app.token(BOB);
    let answer = app.reset(BOB, &token, "short").await;
    assert_eq!(answer.status, 400);
    assert!(answer.body.contains("too short"), "{}", answer.body);
    assert_eq!(app.reset(BOB, &token, NEW).await.status, 200);
}

#[actix_web::test]
async fn a_reset_forgives_the_guesses_at_the_account() {
    let app = with_bob(Engine::Sqlite).await.unwrap();
    for _ in 0..5 {
        app.log_in(BOB, "a guess").await;
    }
    assert_eq!(app.log_in(BOB, OLD).await.status, 429);
    let token = app.token(BOB);
    assert_eq!(app.reset(BOB, &token, NEW).await.status, 200);
    assert_eq!(app.log_in(BOB, NEW).await.status, 200);
}

#[actix_web::test]
async fn only_wrong_tokens_are_counted_by_address() {
    let app = with_bob(Engine::Sqlite).await.unwrap();
    let wrong = ResetToken::generate().expose();
    for _ in 0..20 {
        let answer = app.reset_from("192.0.2.7", BOB, &wrong, NEW).await;
        assert_eq!(answer.line(), INVALID);
    }
    let token = app.token(BOB);
    let answer = app.reset_from("192.0.2.7", BOB, &wrong, NEW).await;
    assert_eq!(answer.status, 429);
    let answer = app.reset_from("192.0.2.7", BOB, &token, NEW).await;
    assert_eq!(answer.status, 200);
}

#[actix_web::test]
async fn r86_token_is_valid_after_a_restart() {
    let app = with_bob(Engine::Sqlite).await.unwrap();
    let token = app.token(BOB);
    let (place, clock) = (app.place.clone(), app.clock.clone());
    drop(app);
    let db = place.open(crate::support::settings(&clock));
    let auth = bienvenue::auth::Auth::new(db, crate::support::app::quick()).unwrap();
    let token = ResetToken::parse(&token).unwrap();
    let changed = beside(|| auth.update_password(&token, &password(NEW)));
    assert_eq!(changed.unwrap().email, email(BOB));
}

#[actix_web::test]
async fn unknown_email_gets_no_token() {
    let app = with_bob(Engine::Sqlite).await.unwrap();
    let nobody = email(NOBODY);
    let refused = app.auth.get_reset_password_token(&nobody);
    assert!(matches!(refused, Err(AuthError::NoResultFound)));
}
