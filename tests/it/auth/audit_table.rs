//! The table of audit events: what has a row, and the chain on both engines.

use bienvenue::domain::{AuditEvent, UserId};
use rstest::rstest;

use crate::support::app::{App, Setup};
use crate::support::{Engine, Place};

const BOB: &str = "bob@x.fr";

async fn app(engine: Engine) -> Option<App> {
    Some(Setup::at(Place::on(engine)?).start().await)
}

impl App {
    /// The events of a user, newest first.
    fn events_of(&self, user: i64) -> Vec<AuditEvent> {
        self.auth.flush();
        self.auth
            .audit_events_of(UserId::new(user), None, 100)
            .unwrap()
    }

    fn names_of(&self, user: i64) -> Vec<String> {
        self.events_of(user)
            .into_iter()
            .map(|event| event.event)
            .collect()
    }
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn events_of_a_user_have_rows_newest_first(#[case] engine: Engine) {
    let Some(app) = app(engine).await else {
        return;
    };
    app.register(BOB, "bob_pwd").await;
    app.register("eve@x.fr", "eve_pwd").await;
    app.log_in(BOB, "wrong").await;
    app.log_in("nobody@x.fr", "wrong").await;
    app.advance(60);
    app.log_in(BOB, "bob_pwd").await;
    let names = ["authn_login_success", "authn_login_fail", "user_created"];
    assert_eq!(app.names_of(1), names);
    let events = app.events_of(1);
    let positions: Vec<i64> = events.iter().map(|event| event.position).collect();
    assert_eq!(positions, [4, 3, 1]);
    let details = events[1].details.clone().unwrap();
    assert_eq!(details.reason.as_deref(), Some("wrong_password"));
    assert_eq!(details.outcome.as_deref(), Some("failure"));
    assert_eq!(events[0].at.seconds() - events[1].at.seconds(), 60);
    let page = app
        .auth
        .audit_events_of(UserId::new(1), Some(4), 1)
        .unwrap();
    assert_eq!(page, events[1..2]);
    assert_eq!(app.names_of(2), ["user_created"]);
}
