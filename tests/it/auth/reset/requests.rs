//! A request for a mail reveals nothing and cannot flood a mailbox.

use actix_web::http::Method;
use actix_web::test;
use rstest::rstest;

use super::{BOB, NOBODY, OLD, encoded, with_bob};
use crate::support::{Engine, Place};

pub(super) const QUEUED: &str =
    "SELECT letter || ' ' || CAST(attempts AS TEXT) AS value FROM outbox";

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn r16_known_and_unknown_addresses_leave_equal_rows(#[case] engine: Engine) {
    let Some(app) = with_bob(engine).await else {
        return;
    };
    let kinds = |place: &Place| {
        let mut kinds = place.texts("SELECT key AS value FROM throttle");
        for kind in &mut kinds {
            kind.truncate(kind.find('/').unwrap());
        }
        kinds.sort();
        (kinds, place.texts(QUEUED))
    };
    let known = app.ask_for_reset(BOB).await;
    let after_known = kinds(&app.place);
    app.place.sql("DELETE FROM throttle; DELETE FROM outbox;");
    let unknown = app.ask_for_reset(NOBODY).await;
    assert_eq!(kinds(&app.place), after_known);
    assert_eq!(after_known.1.len(), 1);
    assert_eq!(
        known.line(),
        format!(
            "200 {{\"email\":\"{BOB}\",\"message\":\"if this address is registered, a mail is on its way\"}}"
        )
    );
    assert_eq!(known.line().replace(BOB, NOBODY), unknown.line());
    assert_eq!(known.header_names(), unknown.header_names());
}

#[actix_web::test]
async fn r16_invalid_address_is_refused_before_any_lookup() {
    let app = with_bob(Engine::Sqlite).await.unwrap();
    for wrong in ["", "bob", "bob@", "bob @dylan.com"] {
        assert_eq!(app.ask_for_reset(wrong).await.status, 400, "{wrong:?}");
    }
    assert_eq!(app.place.texts(QUEUED), [""; 0]);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn r83_r88_a_request_changes_nothing_for_the_account(#[case] engine: Engine) {
    let Some(app) = with_bob(engine).await else {
        return;
    };
    let session = app.log_in(BOB, OLD).await.session_id();
    let row = "SELECT email || hashed_password || COALESCE(session_id, '') \
               || COALESCE(reset_token, '-') AS value FROM users";
    let before = app.place.texts(row);
    assert_eq!(app.ask_for_reset(BOB).await.status, 200);
    assert_eq!(app.profile(&session).await.status, 200);
    assert_eq!(app.log_in(BOB, OLD).await.status, 200);
    let after = app
        .place
        .texts("SELECT hashed_password AS value FROM users");
    assert!(before[0].contains(&after[0]));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn an_address_gets_five_mails_and_then_five_an_hour(#[case] engine: Engine) {
    let Some(app) = with_bob(engine).await else {
        return;
    };
    for address in [BOB, NOBODY] {
        app.place.sql("DELETE FROM outbox");
        let mut queued = Vec::new();
        for _ in 0..61 {
            for spelling in [address.to_owned(), address.to_uppercase()] {
                assert_eq!(app.ask_for_reset(&spelling).await.status, 200);
            }
            queued.push(app.place.texts(QUEUED).len());
            app.advance(60);
        }
        assert_eq!(queued[..6], [1, 2, 3, 4, 5, 5], "{address}");
        let sent_at: Vec<_> = (1..61).filter(|at| queued[*at] > queued[at - 1]).collect();
        assert_eq!(sent_at, [1, 2, 3, 4, 12, 24, 36, 48, 60], "{address}");
    }
}

/// A stranger asks for bob's mails each minute, and bob uses the newest whenever he likes.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn l1_attacker_cannot_keep_a_user_without_a_token(#[case] engine: Engine) {
    let Some(app) = with_bob(engine).await else {
        return;
    };
    let (mut mails, mut sent_at, mut longest) = (0, 0, 0);
    for minute in 0..180 {
        assert_eq!(app.ask_for_reset(BOB).await.status, 200);
        let now = app.place.texts(QUEUED).len();
        if now > mails {
            (mails, sent_at) = (now, minute);
        }
        longest = longest.max(minute - sent_at);
        app.advance(60);
    }
    assert!(longest < 30, "a token lives 30 minutes: {longest}");
    assert!(mails <= 5 + 15, "five at once and five an hour: {mails}");
}

#[actix_web::test]
async fn one_network_asks_for_thirty_mails_at_once() {
    let app = with_bob(Engine::Sqlite).await.unwrap();
    let mut statuses = Vec::new();
    for number in 0..31 {
        let email = format!("user{number}@dylan.com");
        let request = test::TestRequest::with_uri("/reset_password")
            .method(Method::POST)
            .peer_addr("192.0.2.7:1".parse().unwrap())
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .set_payload(encoded(&[("email", &email)]));
        statuses.push(app.send(request).await.status.as_u16());
    }
    assert_eq!(statuses[..30], [200; 30]);
    assert_eq!(statuses[30], 429);
    assert_eq!(app.place.texts(QUEUED).len(), 30);
}

#[actix_web::test]
async fn r19_r87_the_outbox_holds_no_token_and_no_address() {
    let app = with_bob(Engine::Sqlite).await.unwrap();
    app.ask_for_reset(BOB).await;
    let rows = app
        .place
        .texts("SELECT letter || COALESCE(details, '') AS value FROM outbox");
    assert_eq!(rows, ["password_reset"]);
}
