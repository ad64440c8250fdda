//! Disabled accounts: nothing gives access to them, and they look like wrong passwords.

use actix_web::http::Method;
use bienvenue::auth::{AuthError, ThrottleSettings};
use bienvenue::db::{DbError, LoginSideEffects, NewSession, SessionError, UserChanges};
use bienvenue::domain::{Client, SessionId, SessionLevel};

use crate::support::app::Setup;
use crate::support::mailbox::token_of;
use crate::support::statements::Statements;
use crate::support::{Engine, Place, email, settings};

const BOB: &str = "bob@dylan.com";
const EVE: &str = "eve@dylan.com";
const PASSWORD: &str = "bob_pwd";

fn places() -> impl Iterator<Item = Place> {
    [Engine::Sqlite, Engine::Postgres]
        .into_iter()
        .filter_map(Place::on)
}

#[actix_web::test]
async fn login_of_a_disabled_account_looks_wrong() {
    for throttle in [ThrottleSettings::off(), ThrottleSettings::default()] {
        for place in places() {
            let mut setup = Setup::at(place);
            setup.auth.throttle = throttle;
            let clock = setup.clock.clone();
            let app = setup.start().await;
            for who in [BOB, EVE] {
                app.register(who, PASSWORD).await;
            }
            let db = app.place.open(settings(&clock));
            let bob = db.find_user_by(&email(BOB)).unwrap();
            assert!(db.disable_user(bob.id).unwrap());
            assert!(!db.disable_user(bob.id).unwrap(), "it was disabled before");
            let wrong = app.log_in(EVE, "wrong").await;
            let right = app.log_in(BOB, PASSWORD).await;
            assert_eq!(right.status, 401);
            assert_eq!(right.line(), wrong.line());
            assert_eq!(right.header_names(), wrong.header_names());
            let password = crate::support::password(PASSWORD);
            assert!(!app.auth.valid_login(&email(BOB), &password).unwrap());
            assert!(db.enable_user(bob.id).unwrap());
            assert_eq!(app.log_in(BOB, PASSWORD).await.status, 200);
        }
    }
}

#[actix_web::test]
async fn login_of_a_disabled_account_does_the_same_work() {
    for place in places() {
        let sent = Statements::to(&place);
        let mut setup = Setup::at(place);
        setup.auth.throttle = ThrottleSettings::default();
        let clock = setup.clock.clone();
        let app = setup.start().await;
        for who in [BOB, EVE] {
            app.register(who, PASSWORD).await;
        }
        let db = app.place.open(settings(&clock));
        let bob = db.find_user_by(&email(BOB)).unwrap();
        db.disable_user(bob.id).unwrap();
        sent.of_requests();
        app.log_in(EVE, "wrong").await;
        let wrong = sent.of_requests();
        app.log_in(BOB, PASSWORD).await;
        assert_eq!(sent.of_requests(), wrong);
        app.form(Method::POST, "/reset_password", format!("email={EVE}"))
            .await;
        let of_known = sent.of_requests();
        app.form(Method::POST, "/reset_password", format!("email={BOB}"))
            .await;
        assert_eq!(sent.of_requests(), of_known);
    }
}

#[actix_web::test]
async fn no_session_opens_for_a_disabled_account() {
    for place in places() {
        let setup = Setup::at(place);
        let clock = setup.clock.clone();
        let app = setup.start().await;
        app.register(BOB, PASSWORD).await;
        let id = app.log_in(BOB, PASSWORD).await.session_id();
        let db = app.place.open(settings(&clock));
        let bob = db.find_user_by(&email(BOB)).unwrap();
        db.disable_user(bob.id).unwrap();
        assert_eq!(app.profile(&id).await.status, 403);
        let cookie = format!("session_id={id}");
        let verify = app.with_cookie(Method::GET, "/verify", &cookie).await;
        assert_eq!(verify.status, 401);
        // As if the login had passed every check before the account was disabled.
        let (digest, client) = (SessionId::generate().digest(), Client::default());
        for level in [SessionLevel::Password, SessionLevel::SecondFactor] {
            let new = NewSession {
                user_id: bob.id,
                digest: &digest,
                client: &client,
                level,
            };
            for checked in [None, Some(&bob.hashed_password)] {
                let opened = db.add_session(&new, checked, &LoginSideEffects::default());
                assert!(matches!(opened, Err(SessionError::Disabled)), "{opened:?}");
            }
        }
        let session = UserChanges::new().session_id(Some(&SessionId::generate()));
        let set = db.update_user(bob.id, &session);
        assert!(matches!(set, Err(DbError::NoResultFound)), "{set:?}");
        let created = app.auth.create_session(&email(BOB));
        assert!(created.is_err(), "{created:?}");
        let count = "SELECT CAST(count(*) AS TEXT) AS value FROM sessions";
        assert_eq!(app.place.texts(count), ["0"]);
    }
}

#[actix_web::test]
async fn owner_of_a_disabled_account_gets_no_mail() {
    for place in places() {
        let mut setup = Setup::at(place);
        setup.sends_mails = true;
        let clock = setup.clock.clone();
        let app = setup.start().await;
        for who in [BOB, EVE] {
            app.register(who, PASSWORD).await;
        }
        let db = app.place.open(settings(&clock));
        let bob = db.find_user_by(&email(BOB)).unwrap();
        db.disable_user(bob.id).unwrap();
        let request = |who: &str| format!("email={who}");
        let reset = app.form(Method::POST, "/reset_password", request(BOB));
        let of_bob = reset.await;
        let reset = app.form(Method::POST, "/reset_password", request("no@x.fr"));
        let of_nobody = reset.await;
        assert_eq!(of_bob.status, 200);
        assert_eq!(
            of_bob.line().replace(BOB, "no@x.fr"),
            of_nobody.line(),
            "as an unknown address"
        );
        assert!(app.mails.is_empty(&app.place), "a mail was sent");
        db.enable_user(bob.id).unwrap();
        app.advance(3600);
        app.form(Method::POST, "/reset_password", request(BOB))
            .await;
        assert_eq!(app.mails.next().to.as_str(), BOB);
    }
}

#[actix_web::test]
async fn tokens_of_a_disabled_account_are_refused() {
    for place in places() {
        let mut setup = Setup::at(place);
        setup.sends_mails = true;
        let clock = setup.clock.clone();
        let app = setup.start().await;
        app.register(BOB, PASSWORD).await;
        let id = app.log_in(BOB, PASSWORD).await.session_id();
        let body = format!("current_password={PASSWORD}&email=robert@dylan.com");
        app.as_user(&id, Method::PUT, "/profile/email", body).await;
        let change = token_of(&app.mails.next_to("robert@dylan.com"));
        let used = format!("token={change}");
        let changed = app.form(Method::PUT, "/verify_email", used).await;
        assert_eq!(changed.status, 200);
        let undo = token_of(&app.mails.next_to(BOB));
        let db = app.place.open(settings(&clock));
        let bob = db.find_user_by(&email("robert@dylan.com")).unwrap();
        let reset = app.auth.get_reset_password_token(&bob.email).unwrap();
        db.disable_user(bob.id).unwrap();
        let password = crate::support::password("other_pwd");
        let spent = app.auth.update_password(&reset, &password);
        assert!(
            matches!(spent, Err(AuthError::InvalidResetToken)),
            "{spent:?}"
        );
        // A token that was made just before counts no more.
        let later = app.auth.get_reset_password_token(&bob.email).unwrap();
        let spent = app.auth.update_password(&later, &password);
        assert!(
            matches!(spent, Err(AuthError::InvalidResetToken)),
            "{spent:?}"
        );
        let used = format!("token={undo}");
        let refused = app.form(Method::PUT, "/verify_email", used.clone()).await;
        assert_eq!(refused.status, 403);
        db.enable_user(bob.id).unwrap();
        let undone = app.form(Method::PUT, "/verify_email", used).await;
        assert_eq!(undone.status, 200, "{}", undone.body);
    }
}
