//! The notifications that owners get by mail.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use bienvenue::auth::ThrottleSettings;
use bienvenue::mail::Mail;
use rstest::rstest;

use crate::support::app::{Answer, App, Setup, fields};
use crate::support::{Engine, Place};

const BOB: &str = "bob@dylan.com";
const HOME: &str = "192.0.2.7:1";
const ABROAD: &str = "198.51.100.7:1";

fn telling(engine: Engine) -> Option<Setup> {
    let mut setup = Setup::at(Place::on(engine)?);
    setup.sends_mails = true;
    setup.auth.throttle = ThrottleSettings::default();
    Some(setup)
}

async fn log_in_from(app: &App, address: &str, cookie: Option<&str>) -> Answer {
    let mut request = TestRequest::with_uri("/sessions")
        .method(Method::POST)
        .peer_addr(address.parse().unwrap())
        .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
        .insert_header(("User-Agent", "Mozilla/5.0 (X11; Linux) Firefox/140.0"))
        .set_payload(fields(BOB, "bob_pwd"));
    if let Some(cookie) = cookie {
        request = request.insert_header(("Cookie", cookie));
    }
    let answer = app.send(request).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer
}

fn device(answer: &Answer) -> String {
    let cookies = answer.headers("set-cookie");
    let device = cookies.iter().find(|cookie| cookie.starts_with("device="));
    device.unwrap().split(';').next().unwrap().to_owned()
}

#[rstest]
#[actix_web::test]
async fn r15_login_from_a_new_client_notifies_the_owner(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(setup) = telling(engine) else { return };
    let app = setup.start().await;
    app.register(BOB, "bob_pwd").await;
    let first = log_in_from(&app, HOME, None).await;
    log_in_from(&app, HOME, None).await;
    assert!(
        app.mails.is_empty(&app.place),
        "the first, and the same network"
    );
    log_in_from(&app, ABROAD, Some(&device(&first))).await;
    assert!(app.mails.is_empty(&app.place), "the same device");
    app.place
        .sql("DELETE FROM known_clients WHERE mark LIKE '198%'");
    log_in_from(&app, ABROAD, None).await;
    let mail = app.mails.next();
    assert_eq!(mail.to.as_str(), BOB);
    for part in ["198.51.100.7", "Firefox on Linux", "2027-01-15T08:00:00Z"] {
        assert!(mail.text.contains(part), "{part}: {}", mail.text);
        assert!(mail.html.contains(part), "{part}: {}", mail.html);
    }
}

#[actix_web::test]
async fn logins_from_many_places_send_one_mail_a_minute() {
    let app = telling(Engine::Sqlite).unwrap().start().await;
    app.register(BOB, "bob_pwd").await;
    for number in 1..10 {
        log_in_from(&app, &format!("203.0.113.{number}:1"), None).await;
    }
    app.mails.next();
    assert!(app.mails.is_empty(&app.place));
}

#[rstest]
#[actix_web::test]
async fn r15_each_notice_is_sent_and_each_can_be_turned_off(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
    #[values(true, false)] told: bool,
) {
    let Some(mut setup) = telling(engine) else {
        return;
    };
    if !told {
        setup.auth.accounts.notices = vec![];
    }
    let app = setup.start().await;
    app.register(BOB, "bob_pwd").await;
    let mut expected = Vec::new();
    let mut happened = |text| {
        if told {
            let Mail { to, subject, .. } = app.mails.next();
            assert_eq!(to.as_str(), BOB);
            assert!(subject.contains(text), "{text}: {subject}");
            expected.push(subject);
        }
        assert!(app.mails.is_empty(&app.place), "{text}");
    };
    log_in_from(&app, HOME, None).await;
    let session = log_in_from(&app, ABROAD, None).await.session_id();
    happened("New login");
    let body = "current_password=bob_pwd&new_password=new_pwd";
    let answer = app.as_user(&session, Method::PUT, "/profile/password", body);
    let answer = answer.await;
    happened("password");
    let cookie = answer.header("set-cookie").unwrap();
    let session = cookie["session_id=".len()..].split(';').next().unwrap();
    let body = "current_password=new_pwd";
    let deleted = app.as_user(session, Method::DELETE, "/profile", body).await;
    assert_eq!(deleted.status, 200);
    happened("deleted");
    let rows = app.place.texts("SELECT email AS value FROM users");
    assert_eq!(rows, [""; 0]);
    assert_eq!(expected.len(), if told { 3 } else { 0 });
}
