//! A code is good once, on any number of instances.

use std::thread;

use bienvenue::auth::{Auth, Inline, SecondFactorCode};
use bienvenue::domain::{Client, NormalizedEmail, Password};
use bienvenue::secret_key::KeyFile;
use rstest::rstest;

use super::{BOB, PASSWORD, code_of};
use crate::support::app::{Setup, app, quick};
use crate::support::{Engine, Place, settings};

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn one_of_twenty_tries_at_once_on_two_instances_passes(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let mut setup = Setup::at(place);
    setup.db.sessions.sessions_per_user = 100.into();
    let app = setup.start().await;
    let (phone, codes) = app.enrol(&app.bob().await).await;
    let instance = || {
        let auth = Auth::new(app.place.open(settings(&app.clock)), quick()).unwrap();
        auth.with_secret_keys(KeyFile::beside(&app.place.path("bienvenue.db")))
    };
    let instances = [instance(), instance()];
    let try_all = |code: &SecondFactorCode| {
        thread::scope(|scope| {
            let tries: Vec<_> = (0..20)
                .map(|number| {
                    let auth = &instances[number % 2];
                    scope.spawn(move || {
                        let bob = NormalizedEmail::parse(BOB).unwrap();
                        let password = Password::parse(PASSWORD).unwrap();
                        let (code, client) = (Some(code.clone()), Client::default());
                        let login = auth.log_in(&Inline, bob, password, code, &client);
                        match pollster::block_on(login) {
                            Ok(_) => true,
                            Err(error) => {
                                assert_eq!(error.to_string(), "invalid credentials");
                                false
                            }
                        }
                    })
                })
                .collect();
            let passed = tries
                .into_iter()
                .filter_map(|one| one.join().unwrap().then_some(()));
            passed.count()
        })
    };
    let code = SecondFactorCode::totp(&app.code(&phone));
    assert_eq!(try_all(&code), 1);
    assert_eq!(try_all(&code), 0);
    let code = SecondFactorCode::recovery(&codes[0]);
    assert_eq!(try_all(&code), 1);
}

#[actix_web::test]
async fn older_code_is_invalid_after_a_newer_one() {
    let app = app().await;
    let (phone, _) = app.enrol(&app.bob().await).await;
    let older = app.code(&phone);
    app.advance(30);
    let newer = app.code(&phone);
    assert_eq!(app.log_in_with(PASSWORD, &newer).await.status.as_u16(), 200);
    let late = app.log_in_with(PASSWORD, &older).await;
    assert_eq!(code_of(&late), "invalid_credentials");
}

#[actix_web::test]
async fn code_that_confirmed_cannot_log_in() {
    let app = app().await;
    let session_id = app.bob().await;
    let phone = app.begin_totp(&session_id).await;
    let code = app.code(&phone);
    assert_eq!(
        app.confirm_totp(&session_id, &code).await.status.as_u16(),
        200
    );
    assert_eq!(app.log_in_with(PASSWORD, &code).await.status.as_u16(), 401);
}
