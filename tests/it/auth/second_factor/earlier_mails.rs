//! Emails about second factors that version 0.1.0 has queued: without an address, and without the
//! change that their token undoes.

use std::rc::Rc;

use actix_web::http::Method;
use bienvenue::auth::Notification;
use rstest::rstest;

use super::{BOB, PASSWORD, code_of};
use crate::support::app::{App, Setup};
use crate::support::mailbox::token_of;
use crate::support::{Engine, Place};

/// The migration that gives them both.
fn migration(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => include_str!(
            "../../../../migrations/sqlite/2026-11-27-000110-0000_address_factor_mails/up.sql"
        ),
        Engine::Postgres => include_str!(
            "../../../../migrations/postgres/2026-11-27-000110-0000_address_factor_mails/up.sql"
        ),
    }
}

/// A service whose outbox is as version 0.1.0 leaves it, and the migration after it. Its owner has
/// set up an app.
async fn upgraded(place: Place, engine: Engine) -> App {
    let before = Setup::at(place).start().await;
    let session_id = before.bob().await;
    before.enrol(&session_id).await;
    // When the app was set up: `enrol` lets the step of its code pass.
    let then = before.clock.now().seconds() - 30;
    before.place.sql("DELETE FROM outbox");
    before.place.sql("DELETE FROM factor_changes");
    for (letter, details) in [
        ("second_factor_added", "NULL"),
        ("second_factor_removed", r#"'{"by_operator":true}'"#),
        ("second_factor_removed", r#"'{"by_operator":false}'"#),
        ("recovery_codes_replaced", "NULL"),
    ] {
        before.place.sql(&format!(
            "INSERT INTO outbox (user_id, letter, details, created_at, due_at, attempts, claimed_until) \
             SELECT id, '{letter}', {details}, {then}, {then}, 0, 0 FROM users"
        ));
    }
    before.place.sql(migration(engine));
    let mut setup = Setup::new();
    setup.place = Rc::clone(&before.place);
    setup.clock = before.clock.clone();
    setup.db.clock = before.clock.clone();
    setup.sends_mails = true;
    setup.auth.accounts.notices = vec![Notification::SecondFactor];
    setup.start().await
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn mails_of_version_0_1_0_are_sent_and_undo(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let app = upgraded(place, engine).await;
    let mut mails: Vec<_> = (0..4).map(|_| app.mails.next_to(BOB)).collect();
    mails.sort_by_key(|mail| (mail.subject.clone(), !mail.text.contains("token: ")));
    let subjects = mails.iter().map(|mail| mail.subject.as_str());
    assert_eq!(
        subjects.collect::<Vec<_>>(),
        [
            "A second factor was added to your Bienvenue account",
            "New recovery codes for your Bienvenue account",
            "The second factor of your Bienvenue account was removed",
            "The second factor of your Bienvenue account was removed",
        ]
    );
    let by_operator = &mails[3].text;
    assert!(by_operator.starts_with("The operator"), "{by_operator}");
    for mail in &mails[1..3] {
        token_of(mail);
    }
    let body = format!("token={}", token_of(&mails[0]));
    let undone = app.form(Method::PUT, "/verify_email", body).await;
    assert_eq!(undone.status.as_u16(), 200, "{}", undone.body);
    let thief = app.log_in(BOB, PASSWORD).await;
    assert_eq!(code_of(&thief), "invalid_credentials");
    let apps = "SELECT CAST(user_id AS TEXT) AS value FROM totp";
    assert_eq!(app.place.texts(apps), [""; 0], "the app is removed");
}
