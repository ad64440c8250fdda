//! Passkeys of disabled accounts: they look like unknown ones.

use std::rc::Rc;

use bienvenue::auth::EmailVerification;
use rstest::rstest;

use super::{BOB, PASSWORD, code_of, encoded, setup, setup_on};
use crate::support::app::App;
use crate::support::authenticator::Authenticator;
use crate::support::{Engine, email, settings};

impl App {
    fn disable_bob(&self) {
        let db = self.place.open(settings(&self.clock));
        let bob = db.find_user_by(&email(BOB)).unwrap();
        assert!(db.disable_user(bob.id).unwrap());
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn r96_passkey_of_a_disabled_user_looks_unknown(
    #[case] engine: Engine,
    #[values(EmailVerification::Off, EmailVerification::Required)] verification: EmailVerification,
) {
    let Some(first) = setup_on(engine) else {
        return;
    };
    let place = Rc::clone(&first.place);
    let mut phone = Authenticator::phone();
    let app = first.start().await;
    let session_id = app.new_bob().await;
    app.add_passkey(&session_id, &mut phone).await;
    assert_eq!(app.log_in_by(&phone).await.status.as_u16(), 200);
    app.disable_bob();
    drop(app);
    let mut next = setup();
    next.place = place;
    next.auth.accounts.email_verification = verification;
    let app = next.start().await;
    let unknown = app.log_in_by(&Authenticator::phone()).await;
    assert_eq!(code_of(&unknown), "invalid_passkey");
    let disabled = app.log_in_by(&phone).await;
    assert_eq!(disabled.line(), unknown.line());
    assert_eq!(code_of(&disabled), code_of(&unknown));
    assert_eq!(disabled.header_names(), unknown.header_names());
    assert!(app.mails.is_empty(&app.place), "an email was queued");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn disabled_user_has_no_second_step_by_passkey(#[case] engine: Engine) {
    let Some(setup) = setup_on(engine) else {
        return;
    };
    let app = setup.start().await;
    let session_id = app.new_bob().await;
    let mut phone = Authenticator::phone();
    app.add_passkey(&session_id, &mut phone).await;
    // The password was right and the passkey was asked for, just before.
    let login = app.password_step().await;
    let path = "/sessions/second_factor/options";
    let options = app.pending(&login, path, String::new()).await.json();
    app.disable_bob();
    let second_step = async |authenticator: &Authenticator| {
        let body = format!("credential={}", encoded(&authenticator.sign(&options)));
        app.pending(&login, "/sessions/second_factor", body).await
    };
    let unknown = second_step(&Authenticator::phone()).await;
    let disabled = second_step(&phone).await;
    assert_eq!(disabled.status.as_u16(), 401, "{}", disabled.body);
    assert_eq!(disabled.line(), unknown.line());
    assert_eq!(code_of(&disabled), code_of(&unknown));
    let again = app.log_in(BOB, PASSWORD).await;
    assert_eq!(code_of(&again), "invalid_credentials");
    let count = "SELECT CAST(count(*) AS TEXT) AS value FROM sessions";
    assert_eq!(app.place.texts(count), ["0"]);
}
