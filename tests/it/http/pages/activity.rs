//! The events of an account, on its page and as JSON.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use bienvenue::db::DB;
use bienvenue::domain::{Actor, AuditDetails, NewAuditEvent, UserId};
use rstest::rstest;
use serde_json::{Value, json};

use crate::support::app::{App, Setup};
use crate::support::{Engine, Place, START, settings};

const BOB: &str = "bob@x.fr";

/// Bob's session, after 24 events of an administrator with an address, and one of another user.
async fn with_events(engine: Engine) -> Option<(App, String)> {
    let app = Setup::at(Place::on(engine)?).start().await;
    app.register(BOB, "bob_pwd").await;
    app.register("eve@x.fr", "eve_pwd").await;
    let session = app.log_in(BOB, "bob_pwd").await.session_id();
    app.auth.flush();
    let db = DB::open(&app.place.url(), settings(&app.clock)).unwrap();
    let event = |user, event, ip: &str| NewAuditEvent {
        at: START,
        event,
        user_id: Some(UserId::new(user)),
        actor: Actor::Administrator(UserId::new(2)),
        details: AuditDetails {
            ip: Some(ip.to_owned()),
            user_agent: Some("Firefox/1 Linux".to_owned()),
            ..AuditDetails::default()
        },
    };
    let mut events = vec![event(1, "user_enabled", "203.0.113.7"); 24];
    events.push(event(2, "session_ended", "203.0.113.7"));
    db.append_audit_events(&events).unwrap();
    Some((app, session))
}

async fn page(app: &App, session: &str, path: &str, language: &str) -> (u16, String) {
    let request = TestRequest::with_uri(path)
        .insert_header(("Cookie", format!("session_id={session}")))
        .insert_header(("Accept", "text/html"))
        .insert_header(("Accept-Language", language));
    let answer = app.send(request).await;
    (answer.status.as_u16(), answer.body)
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn owners_see_their_events_page_by_page(#[case] engine: Engine) {
    let Some((app, session)) = with_events(engine).await else {
        return;
    };
    let path = "/account/activity";
    let (status, first) = page(&app, &session, path, "en").await;
    assert_eq!(status, 200, "{first}");
    assert_eq!(first.matches("Account enabled").count(), 10);
    assert_eq!(first.matches("by an administrator").count(), 10);
    assert!(
        !first.contains("203.0.113.7"),
        "the address of the administrator"
    );
    let next = |page: &str| {
        let (_, next) = page.split_once("href=\"/account/activity?after=").unwrap();
        format!("{path}?after={}", next.split('"').next().unwrap())
    };
    let (_, second) = page(&app, &session, &next(&first), "fr").await;
    assert_eq!(second.matches("Compte réactivé").count(), 10, "{second}");
    let (_, last) = page(&app, &session, &next(&second), "fr").await;
    assert_eq!(last.matches("Compte réactivé").count(), 4, "{last}");
    assert_eq!(last.matches("<h2>Connexion").count(), 1, "{last}");
    assert!(!last.contains("?after="), "{last}");
    assert_eq!(
        page(&app, &session, "/account/activity?after=x", "en")
            .await
            .0,
        400
    );
    let unknown = page(&app, "none", path, "en").await;
    assert_eq!(unknown.0, 303);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn activity_has_only_events_of_its_user(#[case] engine: Engine) {
    let Some((app, session)) = with_events(engine).await else {
        return;
    };
    let get = async |path: &str| {
        let cookie = format!("session_id={session}");
        app.with_cookie(Method::GET, path, &cookie).await
    };
    let answer = get("/profile/activity").await;
    let rows = answer.json();
    let rows = rows.as_array().unwrap();
    assert_eq!(rows.len(), 26);
    assert_eq!(answer.header("Link"), None);
    assert!(rows.iter().all(|row| row["event"] != "session_ended"));
    let fields = ["event", "by", "ip", "user_agent"];
    let fields = |row: &Value| json!(fields.map(|field| &row[field]));
    assert_eq!(
        fields(&rows[0]),
        json!(["user_enabled", "administrator", null, null])
    );
    assert_eq!(
        fields(&rows[25]),
        json!(["user_created", "client", null, null])
    );
    let rest = get("/profile/activity?after=4").await.json();
    assert_eq!(rest.as_array().unwrap().len(), 2);
    assert_eq!(get("/profile/activity?after=x").await.status.as_u16(), 400);
    assert_eq!(
        app.with_cookie(Method::GET, "/profile/activity", "a=b")
            .await
            .status,
        403
    );
    let export = get("/profile/export").await.json();
    assert_eq!(export["audit_events"], Value::Array(rows.clone()));
}
