//! The bytes of full pages: each is at most 14 KiB on the wire, with all that it loads.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use bienvenue::auth::RelyingParty;
use bienvenue::db::DB;
use bienvenue::domain::{Actor, AuditDetails, NewAuditEvent, UserId};

use super::visitor::Visitor;
use super::{assert_page, navigation};
use crate::support::app::{Answer, App, Setup, fields};
use crate::support::{START, settings};

const BOB: &str = "bob@x.fr";
const PASSWORD: &str = "bob_pwd";

/// The file that a page loads at each place behind `/assets/`.
fn files(page: &str) -> impl Iterator<Item = &str> {
    let places = page.split("&#x2f;assets&#x2f;").skip(1);
    places.map(|rest| rest.split('"').next().unwrap())
}

/// The bytes of a page, and of the files that it loads, on the wire.
async fn weight(app: &App, page: &Answer) -> usize {
    let mut sum = page.bytes_on_the_wire();
    for file in files(&page.body) {
        let request = navigation(Method::GET, &format!("/assets/{file}"));
        let file = app.send(request).await;
        assert_eq!(file.status.as_u16(), 200);
        sum += file.bytes_on_the_wire();
    }
    sum
}

/// The page that continues a list.
fn next(page: &str) -> Option<String> {
    let page = page.replace("&#x2f;", "/").replace("&amp;", "&");
    let (before, after) = page.split_once("after=")?;
    let (_, path) = before.rsplit_once("href=\"")?;
    let (key, _) = after.split_once('"')?;
    Some(format!("{path}after={key}"))
}

/// Opens a page and those that continue its list: each is small. Returns how many there are.
pub(crate) async fn assert_small(app: &App, visitor: &Visitor, path: &str) -> usize {
    let (mut pages, mut path) = (0, path.to_owned());
    loop {
        let page = visitor.get(app, &path).await;
        assert_page(&page, 200);
        let weight = weight(app, &page).await;
        assert!(weight <= 14 * 1024, "{path}: {weight}");
        pages += 1;
        match next(&page.body) {
            Some(next) => path = next,
            None => return pages,
        }
    }
}

/// An event with everything that a page shows of one.
fn event() -> NewAuditEvent {
    NewAuditEvent {
        at: START,
        event: "authn_recovery_codes_replaced",
        user_id: Some(UserId::new(1)),
        actor: Actor::Client,
        details: AuditDetails {
            ip: Some("2001:db8:1111:2222:3333:4444:5555:6666".to_owned()),
            user_agent: Some(user_agent()),
            app: Some("a".repeat(64)),
            repeats: Some(1_000_000),
            ..AuditDetails::default()
        },
    }
}

fn user_agent() -> String {
    format!("Mozilla/5.0 (X11; CrOS) Firefox/1 {}", "x".repeat(400))
}

/// Bob has 50 sessions, 20 passkeys with names of 256 bytes, and 60 events.
async fn full_account() -> (App, [Visitor; 2]) {
    let mut setup = Setup::new();
    setup.auth.relying_party = RelyingParty::new("http://localhost", "localhost");
    setup.db.sessions.sessions_per_user = 0.into();
    let app = setup.start().await;
    app.register(BOB, PASSWORD).await;
    for _ in 0..48 {
        let login = TestRequest::post().uri("/sessions");
        let login = login
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .insert_header(("User-Agent", user_agent()))
            .set_payload(fields(BOB, PASSWORD));
        assert_eq!(app.send(login).await.status.as_u16(), 200);
    }
    let visitors = ["en", "fr"].map(Visitor::reading);
    for visitor in &visitors {
        let form = [("email", BOB), ("password", PASSWORD)];
        visitor.post(&app, "/login", &form).await;
    }
    let name = "\u{1f511}".repeat(64);
    let passkey = |number| {
        format!("(1, 'localhost', 'id {number}', 'bob', 'key', 0, 1, 1, '', '{name}', 0, 0)")
    };
    let passkeys = (0..20).map(passkey).collect::<Vec<_>>().join(", ");
    app.place.sql(&format!(
        "INSERT INTO passkeys (user_id, rp_id, credential_id, user_handle, public_key, \
         sign_count, backup_eligible, backed_up, transports, name, created_at, last_used_at) \
         VALUES {passkeys}"
    ));
    app.auth.flush();
    let db = DB::open(&app.place.url(), settings(&app.clock)).unwrap();
    db.append_audit_events(&vec![event(); 60]).unwrap();
    (app, visitors)
}

#[actix_web::test]
async fn pages_of_a_full_account_fit_into_14_kib() {
    let (app, visitors) = full_account().await;
    for visitor in &visitors {
        for path in [
            "/account",
            "/account/password",
            "/account/email",
            "/account/second-factor",
            "/account/second-factor/app",
            "/account/passkeys/name?id=1",
            "/account/passkeys/remove?id=1",
            "/account/export",
            "/account/delete",
            "/logout",
        ] {
            assert_eq!(assert_small(&app, visitor, path).await, 1, "{path}");
        }
        for (path, at_least) in [
            ("/account/sessions", 5),
            ("/account/passkeys", 4),
            ("/account/activity", 5),
        ] {
            let pages = assert_small(&app, visitor, path).await;
            assert!(pages >= at_least, "{path}: {pages}");
        }
    }
}
