//! `--registration conceal`: the answer does not reveal that an address is taken; its owner gets a mail.

use bienvenue::auth::{AuthError, EmailVerification, Registration};
use rstest::rstest;

use crate::support::app::Setup;
use crate::support::{Engine, Place, email, password};

const BOB: &str = "bob@dylan.com";
const EVE: &str = "eve@dylan.com";

fn concealing(engine: Engine) -> Option<Setup> {
    let mut setup = Setup::at(Place::on(engine)?);
    setup.auth.accounts.registration = Registration::Conceal;
    Some(setup)
}

#[rstest]
#[actix_web::test]
async fn r16_taken_address_is_concealed_and_its_owner_gets_a_mail(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(mut setup) = concealing(engine) else {
        return;
    };
    setup.sends_mails = true;
    let app = setup.start().await;
    let new = app.register(BOB, "bob_pwd").await;
    assert_eq!(
        new.line(),
        format!(r#"201 {{"email":"{BOB}","message":"user created"}}"#)
    );
    let taken = app.register("Bob@Dylan.com", "eves_pwd").await;
    assert_eq!(taken.line(), new.line().replace(BOB, "Bob@Dylan.com"));
    assert_eq!(taken.header_names(), new.header_names());
    let mail = app.mails.next();
    assert_eq!(mail.to.as_str(), BOB);
    assert!(mail.subject.contains("already"), "{}", mail.subject);
    assert!(app.mails.is_empty(&app.place));
    assert_eq!(app.log_in(BOB, "eves_pwd").await.status, 401);
    assert_eq!(app.log_in(BOB, "bob_pwd").await.status, 200);
}

#[rstest]
#[actix_web::test]
async fn r16_taken_address_costs_the_same_hash_and_writes(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(mut setup) = concealing(engine) else {
        return;
    };
    setup.auth.accounts.email_verification = EmailVerification::Off;
    let app = setup.start().await;
    let rows = || {
        let mut kinds = app.place.texts("SELECT key AS value FROM throttle");
        for kind in &mut kinds {
            kind.truncate(kind.find('/').unwrap());
        }
        kinds.sort();
        (kinds, app.place.texts("SELECT letter AS value FROM outbox"))
    };
    app.register(BOB, "bob_pwd").await;
    let after_new = rows();
    app.place.sql("DELETE FROM throttle; DELETE FROM outbox;");
    app.register(BOB, "eves_pwd").await;
    assert_eq!(rows(), after_new);
    assert_eq!(after_new.1, ["already_registered"]);
    let refused = app.register(BOB, "").await;
    assert_eq!(refused.line(), r#"400 {"message":"password missing"}"#);
}

#[rstest]
#[actix_web::test]
async fn registrations_cannot_flood_a_mailbox(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(setup) = concealing(engine) else {
        return;
    };
    let app = setup.start().await;
    app.register(BOB, "bob_pwd").await;
    app.advance(60);
    for _ in 0..5 {
        assert_eq!(app.register(BOB, "eves_pwd").await.status, 201);
    }
    let mails = app
        .place
        .texts("SELECT letter AS value FROM outbox WHERE user_id IS NOT NULL");
    assert_eq!(mails, ["already_registered"]);
}

#[rstest]
#[actix_web::test]
async fn r56_of_many_concealed_registrations_one_creates_the_user(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(setup) = concealing(engine) else {
        return;
    };
    let app = setup.start().await;
    let passwords: Vec<_> = (0..10).map(|number| format!("password {number}")).collect();
    let registrations = passwords.iter().map(|password| app.register(EVE, password));
    for answer in futures_util::future::join_all(registrations).await {
        assert_eq!(answer.status, 201, "{}", answer.body);
    }
    let logins = passwords.iter().map(|password| app.log_in(EVE, password));
    let logins = futures_util::future::join_all(logins).await;
    let in_at_last = logins.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(in_at_last, 1);
}

/// A caller of the library is trusted.
#[actix_web::test]
async fn library_reports_a_taken_address() {
    let app = concealing(Engine::Sqlite).unwrap().start().await;
    app.register(BOB, "bob_pwd").await;
    let again = std::thread::scope(|scope| {
        let register = || app.auth.register_user(&email(BOB), &password("bob_pwd"));
        let auth = scope.spawn(register);
        auth.join().unwrap()
    });
    assert!(
        matches!(again, Err(AuthError::AlreadyExists(_))),
        "{again:?}"
    );
}
