//! A day in the life of the service: each use case once, and what runs in the background.

use std::time::Duration;

use actix_web::http::Method;
use bienvenue::auth::ThrottleSettings;
use bienvenue::db::{DB, UserChanges};
use bienvenue::domain::{Actor, LimitKey, SessionScope};

use super::bad_plans;
use crate::support::app::Setup;
use crate::support::mailbox::{Mailbox, token_of};
use crate::support::statements::Statements;
use crate::support::{Engine, Place, email, settings};

#[actix_web::test]
async fn plans_of_a_day_depend_on_no_statistics() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some(place) = Place::on(engine) else {
            continue;
        };
        let sent = Statements::to(&place);
        let mut setup = Setup::at(place);
        setup.sends_mails = true;
        setup.auth.throttle = ThrottleSettings::default();
        setup.db.sessions.sessions_per_user = 3.into();
        let clock = setup.clock.clone();
        let app = setup.start().await;
        for name in ["bob", "eve"] {
            app.register(&format!("{name}@dylan.com"), "first_pwd")
                .await;
        }
        app.log_in("bob@dylan.com", "wrong").await;
        let eve = app.log_in("eve@dylan.com", "first_pwd").await.session_id();
        let id = app.log_in("bob@dylan.com", "first_pwd").await.session_id();
        for path in [
            "/profile",
            "/verify",
            "/sessions",
            "/profile/export",
            "/readyz",
        ] {
            app.with_cookie(Method::GET, path, &format!("session_id={id}"))
                .await;
        }
        app.as_user(&id, Method::DELETE, "/sessions?scope=others", "")
            .await;
        let body = "current_password=first_pwd&email=robert@dylan.com";
        app.as_user(&id, Method::PUT, "/profile/email", body).await;
        let change = next_token(&app.mails, "robert@dylan.com");
        app.as_user(&id, Method::PUT, "/verify_email", format!("token={change}"))
            .await;
        app.form(Method::POST, "/reset_password", "email=eve@dylan.com")
            .await;
        let reset = next_token(&app.mails, "eve@dylan.com");
        let body = format!("email=eve@dylan.com&reset_token={reset}&new_password=second_pwd");
        let reset = app.form(Method::PUT, "/reset_password", body).await;
        assert_eq!(reset.status, 200);
        assert_eq!(app.profile(&eve).await.status, 403);
        let body = "current_password=first_pwd&new_password=third_pwd";
        let changed = app
            .as_user(&id, Method::PUT, "/profile/password", body)
            .await;
        assert_eq!(changed.status, 200);
        let id = app
            .log_in("robert@dylan.com", "third_pwd")
            .await
            .session_id();
        let body = "current_password=third_pwd";
        assert_eq!(
            app.as_user(&id, Method::DELETE, "/profile", body)
                .await
                .status,
            200
        );
        let id = app.log_in("eve@dylan.com", "second_pwd").await.session_id();
        app.log_out(&id).await;
        app.auth.flush();
        let db = app.place.open(settings(&clock));
        operators_and_background(&db);
        drop(app.auth.stats());
        let bad = bad_plans(engine, &sent.all());
        assert!(bad.is_empty(), "{}", bad.join("\n\n"));
    }
}

/// The token of the next mail to that address that has one.
fn next_token(mails: &Mailbox, to: &str) -> String {
    loop {
        let mail = mails.next();
        if mail.to.as_str() == to && mail.text.contains("token: ") {
            return token_of(&mail);
        }
    }
}

fn operators_and_background(db: &DB) {
    let address = email("new@dylan.com");
    let hash = bienvenue::domain::HashedPassword::from_stored("x");
    let user = db.add_user(&address, &hash).unwrap();
    let session = bienvenue::domain::SessionId::generate();
    let changes = UserChanges::new().session_id(Some(&session));
    db.update_user(user.id, &changes).unwrap();
    db.touch_sessions(&[(session.digest(), db.clock().now())])
        .unwrap();
    db.end_sessions(&session.digest(), SessionScope::All)
        .unwrap();
    db.end_sessions_of_user(user.id).unwrap();
    db.sessions_of(user.id, None, None, 10).unwrap();
    db.session_end(&session.digest()).unwrap();
    db.ended_sessions_of(user.id).unwrap();
    db.update_user(user.id, &changes).unwrap();
    db.end_all_sessions().unwrap();
    db.users_after(None, 10).unwrap();
    db.users_to_export(None, 10).unwrap();
    db.disable_user(user.id).unwrap();
    db.enable_user(user.id).unwrap();
    db.count_sessions(Some(&session.digest()), 10).unwrap();
    db.count_totp(Some(user.id), 10).unwrap();
    db.count_passkeys(None, 10).unwrap();
    db.outbox().unwrap();
    db.waiting_mails(None, 10).unwrap();
    db.retry_mails().unwrap();
    let check = ThrottleSettings::default().limit_check(LimitKey::logins(&address.key()));
    db.count_attempt(&[check]).unwrap().unwrap();
    db.limits(None, 10).unwrap();
    db.clear_limits_for(&address.key()).unwrap();
    db.remove_expired_sessions(10).unwrap();
    db.clock().advance(Duration::from_secs(8 * 24 * 3600));
    db.remove_expired_sessions(10).unwrap();
    db.remove_old_session_ends(10).unwrap();
    db.remove_expired_tokens(10).unwrap();
    db.remove_expired_limits(10).unwrap();
    db.remove_surplus_limits(10).unwrap();
    db.limit_behind(None, 10).unwrap();
    db.remove_forgotten_clients(10).unwrap();
    db.delete_user(user.id, Actor::Service).unwrap();
}
