//! How many mails an address gets that never asked for any.

use actix_web::http::Method;
use bienvenue::auth::{EmailVerification, ThrottleSettings};
use rstest::rstest;

use crate::support::app::{App, Setup};
use crate::support::{Engine, Place};

const VICTIM: &str = "victim@third.party";
const PASSWORD: &str = "first_pwd";

/// A service that counts guesses. Its mails wait in the outbox.
fn counting(engine: Engine) -> Option<Setup> {
    let mut setup = Setup::at(Place::on(engine)?);
    setup.auth.throttle = ThrottleSettings::default();
    Some(setup)
}

fn queued(app: &App, letter: &str) -> usize {
    let rows = format!("SELECT letter AS value FROM outbox WHERE letter = '{letter}'");
    app.place.texts(&rows).len()
}

impl App {
    async fn delete(&self, session: &str, password: &str) -> u16 {
        let body = format!("current_password={password}");
        let answer = self
            .as_user(session, Method::DELETE, "/profile", body)
            .await;
        answer.status.as_u16()
    }
}

#[rstest]
#[actix_web::test]
async fn m1_ten_new_passwords_an_hour_send_five_mails(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(setup) = counting(engine) else {
        return;
    };
    let app = setup.start().await;
    app.register(VICTIM, PASSWORD).await;
    let mut session = app.log_in(VICTIM, PASSWORD).await.session_id();
    let mut current = PASSWORD.to_owned();
    let mut statuses = Vec::new();
    for number in 0..12 {
        let body = format!("current_password={current}&new_password=next{number}");
        let answer = app.as_user(&session, Method::PUT, "/profile/password", body);
        let answer = answer.await;
        statuses.push(answer.status.as_u16());
        if answer.status == 200 {
            let cookie = answer.header("set-cookie").unwrap();
            session = cookie["session_id=".len()..]
                .split(';')
                .next()
                .unwrap()
                .to_owned();
            current = format!("next{number}");
        }
    }
    assert_eq!(statuses[..10], [200; 10]);
    assert_eq!(statuses[10..], [429; 2]);
    assert_eq!(queued(&app, "password_changed"), 5);
    app.advance(360);
    let body = format!("current_password={current}&new_password=last");
    let later = app.as_user(&session, Method::PUT, "/profile/password", body);
    assert_eq!(later.await.status, 200, "one more after six minutes");
}

#[rstest]
#[actix_web::test]
async fn m1_counts_of_mails_outlive_the_account(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(setup) = counting(engine) else {
        return;
    };
    let app = setup.start().await;
    let mut statuses = Vec::new();
    for _ in 0..11 {
        app.register(VICTIM, PASSWORD).await;
        let session = app.log_in(VICTIM, PASSWORD).await.session_id();
        statuses.push(app.delete(&session, PASSWORD).await);
    }
    assert_eq!(statuses[..10], [200; 10]);
    assert_eq!(statuses[10], 429);
    assert_eq!(queued(&app, "account_deleted"), 5);
}

#[rstest]
#[actix_web::test]
async fn m1_the_first_mail_to_a_new_account_has_a_budget(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(mut setup) = counting(engine) else {
        return;
    };
    setup.auth.accounts.email_verification = EmailVerification::Optional;
    let app = setup.start().await;
    let mut sent = Vec::new();
    for _ in 0..8 {
        assert_eq!(app.register(VICTIM, PASSWORD).await.status, 201);
        sent.push(queued(&app, "verify_email"));
        let session = app.log_in(VICTIM, PASSWORD).await.session_id();
        assert_eq!(app.delete(&session, PASSWORD).await, 200);
        app.advance(60);
    }
    assert_eq!(sent, [1, 1, 1, 1, 1, 0, 0, 0]);
}
