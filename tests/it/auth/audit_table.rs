//! The table of audit events: what has a row, and the chain on both engines.

use std::time::Duration;

use actix_web::http::Method;
use bienvenue::db::DB;
use bienvenue::domain::{
    Actor, AttestedHead, AuditDetails, AuditEvent, ChainHead, ChainReport, Clock, NewAuditEvent,
    UserId,
};
use rstest::rstest;

use crate::support::app::{App, Setup, quick};
use crate::support::{Engine, Place, START, eventually, settings};

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

fn report(app: &App) -> ChainReport {
    app.auth.flush();
    let db = DB::open(&app.place.url(), settings(&app.clock)).unwrap();
    db.check_audit_chain(None, Vec::new(), |_| {}).unwrap()
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn deletion_erases_details_and_the_chain_stays_valid(#[case] engine: Engine) {
    let Some(app) = app(engine).await else {
        return;
    };
    app.register(BOB, "bob_pwd").await;
    app.register("eve@x.fr", "eve_pwd").await;
    let session = app.log_in(BOB, "bob_pwd").await.session_id();
    app.auth.flush();
    // This one is not in the table yet when the account is deleted.
    app.log_in(BOB, "wrong").await;
    let form = "current_password=bob_pwd";
    let deleted = app
        .as_user(&session, Method::DELETE, "/profile", form)
        .await;
    assert_eq!(deleted.status.as_u16(), 200, "{}", deleted.body);
    let rows: Vec<_> = app
        .events_of(1)
        .into_iter()
        .map(|event| (event.event, event.details))
        .collect();
    let outcome = |outcome: &str| AuditDetails {
        outcome: Some(outcome.to_owned()),
        ..AuditDetails::default()
    };
    assert_eq!(
        rows,
        [
            ("authn_login_fail".to_owned(), Some(AuditDetails::default())),
            ("user_deleted".to_owned(), Some(outcome("success"))),
            ("authn_login_success".to_owned(), None),
            ("user_created".to_owned(), None),
        ]
    );
    let salts = "SELECT CAST(count(*) AS TEXT) AS value FROM audit_events WHERE salt IS NULL";
    assert_eq!(app.place.texts(salts), ["2"]);
    assert!(app.events_of(2)[0].details.is_some());
    let report = report(&app);
    assert!(report.is_intact(), "{report:?}");
    assert_eq!(report.rows, 5);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn two_instances_append_to_one_chain(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let clock = Clock::set_to(START);
    drop(place.open(settings(&clock)));
    std::thread::scope(|scope| {
        for user in 1..=4 {
            let (place, clock) = (place.url(), clock.clone());
            scope.spawn(move || {
                let db = DB::open(&place, settings(&clock)).unwrap();
                for _ in 0..50 {
                    let event = NewAuditEvent {
                        event: "authn_login_fail",
                        ..NewAuditEvent::deletion(UserId::new(user), Actor::Client, START)
                    };
                    db.append_audit_events(&[event.clone(), event]).unwrap();
                }
            });
        }
    });
    let db = DB::open(&place.url(), settings(&clock)).unwrap();
    let report = db.check_audit_chain(None, Vec::new(), |_| {}).unwrap();
    assert!(report.is_intact(), "{report:?}");
    assert_eq!((report.rows, report.last), (400, 400));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
fn retention_removes_old_rows_in_batches(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let clock = Clock::set_to(START);
    let db = place.open(settings(&clock));
    let day = Duration::from_secs(24 * 60 * 60);
    for days in 0..10 {
        let at = START.plus(day * days);
        let event = NewAuditEvent::deletion(UserId::new(1), Actor::Client, at);
        db.append_audit_events(&[event]).unwrap();
    }
    let oldest = START.plus(day * 6);
    assert_eq!(db.remove_old_audit_events(oldest, 3).unwrap(), 3);
    assert_eq!(db.remove_old_audit_events(oldest, 3).unwrap(), 2);
    assert_eq!(db.remove_old_audit_events(oldest, 3).unwrap(), 0);
    let check = |oldest| db.check_audit_chain(oldest, Vec::new(), |_| {}).unwrap();
    // The last row that is old is still there: it shows that all before it were older.
    let report = check(Some(oldest));
    assert!(report.is_intact(), "{report:?}");
    assert_eq!((report.first, report.last), (6, 10));
    assert!(!check(Some(START)).is_intact());
    // The chain goes on behind rows that are gone.
    let event = NewAuditEvent::deletion(UserId::new(1), Actor::Client, oldest);
    db.append_audit_events(&[event]).unwrap();
    assert_eq!(check(Some(oldest)).last, 11);
}

#[actix_web::test]
async fn cleanup_removes_rows_after_the_retention() {
    let setup = Setup::new();
    let mut auth = quick();
    auth.audit_retention = Some(Duration::from_secs(60));
    let app = Setup { auth, ..setup }.start().await;
    for (email, seconds) in [(BOB, 50), ("eve@x.fr", 100), ("joe@x.fr", 0)] {
        app.register(email, "a_password").await;
        app.auth.flush();
        app.advance(seconds);
    }
    let count = "SELECT CAST(count(*) AS TEXT) AS value FROM audit_events";
    eventually("the first row is removed", || {
        app.place.texts(count) == ["2"]
    });
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn notifications_have_the_head_of_the_chain(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let app = Setup {
        sends_mails: true,
        ..Setup::at(place)
    };
    let app = app.start().await;
    app.register(BOB, "bob_pwd").await;
    let session = app.log_in(BOB, "bob_pwd").await.session_id();
    let form = "current_password=bob_pwd&new_password=a_new_password";
    let changed = app.as_user(&session, Method::PUT, "/profile/password", form);
    assert_eq!(changed.await.status.as_u16(), 200);
    let mail = app.mails.next();
    assert!(mail.subject.contains("was changed"), "{}", mail.subject);
    let head = mail.text.lines().last().unwrap();
    assert!(mail.html.contains(head), "{}", mail.html);
    let head: ChainHead = head.parse().unwrap();
    // The mail covers the event that it is about.
    let events = app.events_of(1);
    let change = events
        .iter()
        .find(|event| event.event == "authn_password_change");
    assert!(change.unwrap().position <= head.position);
    let known = AttestedHead {
        source: "a mail".to_owned(),
        head,
        at: None,
    };
    let db = DB::open(&app.place.url(), settings(&app.clock)).unwrap();
    let report = db.check_audit_chain(None, vec![known], |_| {}).unwrap();
    assert!(report.is_intact() && report.confirmed == 1, "{report:?}");
    // Mails with a link for its reader have none.
    let reset = app.form(Method::POST, "/reset_password", "email=bob%40x.fr");
    assert_eq!(reset.await.status.as_u16(), 200);
    let reset = app.mails.next();
    assert!(
        reset
            .text
            .lines()
            .all(|line| line.parse::<ChainHead>().is_err())
    );
}

#[actix_web::test]
async fn rows_reveal_no_other_account() {
    let app = Setup {
        sends_mails: true,
        ..Setup::new()
    };
    let app = app.start().await;
    app.register(BOB, "bob_pwd").await;
    app.register("eve@x.fr", "eve_pwd").await;
    let session = app.log_in(BOB, "bob_pwd").await.session_id();
    let mut seen = Vec::new();
    for other in ["free%40x.fr", "eve%40x.fr"] {
        let before = app.events_of(1).len();
        let form = format!("email={other}&current_password=bob_pwd");
        let asked = app
            .as_user(&session, Method::PUT, "/profile/email", form)
            .await;
        assert_eq!(asked.status.as_u16(), 200, "{}", asked.body);
        let outbox = "SELECT letter AS value FROM outbox";
        eventually("an empty outbox", || app.place.texts(outbox).is_empty());
        let events = app
            .events_of(1)
            .into_iter()
            .map(|event| (event.event, event.details));
        let mut events: Vec<_> = events.collect();
        events.truncate(events.len() - before);
        for (_, details) in &mut events {
            details.as_mut().unwrap().request_id = None;
        }
        seen.push(events);
    }
    assert_eq!(seen[0], seen[1]);
    assert_eq!(seen[0][0].0, "user_update_requested");
}

/// An owner who gives a passkey a new name again and again, with an attacker's login in between.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn a_flood_of_cheap_events_shares_a_row(#[case] engine: Engine) {
    let Some(app) = app(engine).await else {
        return;
    };
    app.register(BOB, "bob_pwd").await;
    for _ in 0..70 {
        let session = app.log_in(BOB, "bob_pwd").await.session_id();
        assert_eq!(app.log_out(&session).await.status.as_u16(), 200);
    }
    app.log_in(BOB, "wrong").await;
    let events = app.events_of(1);
    let of = |name: &str| {
        let events = events.iter().filter(|event| event.event == name);
        let repeats = |event: &AuditEvent| event.details.as_ref().and_then(|it| it.repeats);
        events.map(repeats).collect::<Vec<_>>()
    };
    for name in ["authn_login_success", "session_ended"] {
        let (rows, shared): (Vec<_>, Vec<_>) = of(name).into_iter().partition(Option::is_none);
        assert_eq!(rows.len(), 20, "{name}");
        assert_eq!(shared, [Some(50)], "{name}");
    }
    assert_eq!(of("authn_login_fail"), [None]);
    let report = report(&app);
    assert!(report.is_intact(), "{report:?}");
}
