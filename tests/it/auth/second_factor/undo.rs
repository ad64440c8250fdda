//! The mails about second factors, with which an owner takes the account back.

use actix_web::http::Method;
use bienvenue::auth::Notification;
use bienvenue::domain::Backoff;
use bienvenue::mail::Mail;
use rstest::rstest;

use super::{BOB, PASSWORD, code_of};
use crate::support::app::{Answer, App, Setup};
use crate::support::mailbox::token_of;
use crate::support::{Engine, Place};

const DAY: u64 = 24 * 3600;

/// A service that notifies of second factors and addresses.
pub(super) fn notifying(place: Place) -> Setup {
    let mut setup = Setup::at(place);
    setup.sends_mails = true;
    setup.db.sessions.session_idle = Some(std::time::Duration::from_secs(30 * DAY));
    setup.db.sessions.session_lifetime = setup.db.sessions.idle();
    let told = [Notification::SecondFactor, Notification::EmailChanged];
    setup.auth.accounts.notices = told.into();
    setup
}

pub(super) async fn spend(app: &App, token: &str) -> Answer {
    let body = format!("token={token}");
    app.form(Method::PUT, "/verify_email", body).await
}

/// Sets the password by the mail of an undo, and logs in by it alone.
pub(super) async fn reset(app: &App, mail: &Mail) -> Answer {
    let body = format!("reset_token={}&new_password=owned", token_of(mail));
    let set = app.form(Method::PUT, "/reset_password", body).await;
    assert_eq!(set.status.as_u16(), 200, "{}", set.body);
    app.log_in(BOB, "owned").await
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn undo_removes_factor_sessions_and_password(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let app = notifying(place).start().await;
    let session_id = app.bob().await;
    let (phone, codes) = app.enrol(&session_id).await;
    let token = token_of(&app.mails.next_to(BOB));
    app.advance(3 * DAY - 60);
    let undone = spend(&app, &token).await;
    assert_eq!(undone.status.as_u16(), 200, "{}", undone.body);
    assert_eq!(app.profile(&session_id).await.status.as_u16(), 403);
    let thief = app.log_in_with(PASSWORD, &app.code(&phone)).await;
    assert_eq!(code_of(&thief), "invalid_credentials");
    assert_eq!(spend(&app, &token).await.status.as_u16(), 403, "it is used");
    let logged_in = reset(&app, &app.mails.next_to(BOB)).await;
    assert_eq!(logged_in.status.as_u16(), 200, "{}", logged_in.body);
    let body = format!("email={BOB}&password=owned&recovery_code={}", codes[0]);
    assert_eq!(
        app.form(Method::POST, "/sessions", body)
            .await
            .status
            .as_u16(),
        200
    );
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn undo_expires_after_three_days(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let app = notifying(place).start().await;
    let session_id = app.bob().await;
    let (phone, _) = app.enrol(&session_id).await;
    let token = token_of(&app.mails.next_to(BOB));
    app.advance(3 * DAY);
    assert_eq!(spend(&app, &token).await.status.as_u16(), 403);
    let owner = app.log_in_with(PASSWORD, &app.code(&phone)).await;
    assert_eq!(owner.status.as_u16(), 200);
}

/// The owner's app was there before: it stays, and the codes of the thief go.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn undo_keeps_the_factor_of_before(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let app = notifying(place).start().await;
    let session_id = app.bob().await;
    let (phone, _) = app.enrol(&session_id).await;
    app.mails.next_to(BOB);
    app.advance(DAY);
    let body = format!("current_password={PASSWORD}");
    let replaced = app.as_user(&session_id, Method::POST, "/account/recovery_codes", body);
    let theirs = replaced.await.json()["recovery_codes"][0]
        .as_str()
        .unwrap()
        .to_owned();
    let undone = spend(&app, &token_of(&app.mails.next_to(BOB))).await;
    assert_eq!(undone.status.as_u16(), 200, "{}", undone.body);
    let login = reset(&app, &app.mails.next_to(BOB)).await;
    assert_eq!(code_of(&login), "second_factor_required");
    let login = super::login_cookie(&login);
    let body = format!("recovery_code={theirs}");
    let thief = app.second_step(&login, &body).await;
    assert_eq!(code_of(&thief), "invalid_second_factor");
    let body = format!("otp={}", app.code(&phone));
    assert_eq!(app.second_step(&login, &body).await.status.as_u16(), 200);
}

/// Removes the owner's app and adds another one: the mail of the removal undoes both, and so the
/// account is protected by its mailbox alone.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn undo_of_a_removal_removes_what_came_after(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let app = notifying(place).start().await;
    let session_id = app.bob().await;
    let (phone, _) = app.enrol(&session_id).await;
    app.mails.next_to(BOB);
    app.advance(4 * DAY);
    let body = format!("current_password={PASSWORD}&otp={}", app.code(&phone));
    let removed = app.as_user(&session_id, Method::DELETE, "/account/totp", body);
    assert_eq!(removed.await.status.as_u16(), 200);
    let removal = token_of(&app.mails.next_to(BOB));
    app.advance(60);
    app.enrol(&session_id).await;
    let addition = token_of(&app.mails.next_to(BOB));
    assert_eq!(spend(&app, &removal).await.status.as_u16(), 200);
    let logged_in = reset(&app, &app.mails.next_to(BOB)).await;
    assert_eq!(logged_in.status.as_u16(), 200, "no code is asked for");
    // The later token is worthless: it would freeze the account of its owner once more.
    assert_eq!(spend(&app, &addition).await.status.as_u16(), 403);
}

/// A thief moves the account and adds a factor there. The owner takes it back by the old mailbox,
/// and the undo token that went to the thief's mailbox does not return it.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn undo_of_a_thief_ends_with_the_thief(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let app = notifying(place).start().await;
    let session_id = app.bob().await;
    let body = format!("current_password={PASSWORD}&email=thief@x.fr");
    app.as_user(&session_id, Method::PUT, "/profile/email", body)
        .await;
    let moved = spend(&app, &token_of(&app.mails.next_to("thief@x.fr"))).await;
    assert_eq!(moved.status.as_u16(), 200, "{}", moved.body);
    let owners = token_of(&app.mails.next_to(BOB));
    let login = app.log_in("thief@x.fr", PASSWORD).await;
    app.enrol(&login.session_id()).await;
    let thiefs = token_of(&app.mails.next_to("thief@x.fr"));
    assert_eq!(spend(&app, &owners).await.status.as_u16(), 200);
    assert_eq!(spend(&app, &thiefs).await.status.as_u16(), 403);
    let logged_in = reset(&app, &app.mails.next_to(BOB)).await;
    assert_eq!(logged_in.status.as_u16(), 200, "{}", logged_in.body);
}

/// The other way round: a factor first, then the address. The mail about the factor gives the
/// address back too, and ends the thief's way to take it.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn undo_of_a_factor_restores_the_address(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let app = notifying(place).start().await;
    let session_id = app.bob().await;
    app.enrol(&session_id).await;
    let undo = token_of(&app.mails.next_to(BOB));
    let mut thiefs = Vec::new();
    for (from, to) in [(BOB, "thief@x.fr"), ("thief@x.fr", "other@x.fr")] {
        let body = format!("current_password={PASSWORD}&email={to}");
        app.as_user(&session_id, Method::PUT, "/profile/email", body)
            .await;
        let token = token_of(&app.mails.next_to(to));
        let request = actix_web::test::TestRequest::put()
            .uri("/verify_email")
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .insert_header(("Cookie", format!("session_id={session_id}")))
            .set_payload(format!("token={token}"));
        assert_eq!(app.send(request).await.status.as_u16(), 200);
        thiefs.push(token_of(&app.mails.next_to(from)));
        app.advance(60);
    }
    assert_eq!(spend(&app, &undo).await.status.as_u16(), 200);
    for token in &thiefs {
        assert_eq!(spend(&app, token).await.status.as_u16(), 403);
    }
    let logged_in = reset(&app, &app.mails.next_to(BOB)).await;
    assert_eq!(logged_in.status.as_u16(), 200, "{}", logged_in.body);
}

/// Without a mail there is no token that takes the account back.
#[actix_web::test]
async fn change_without_a_mail_has_no_undo() {
    let mut setup = Setup::new();
    setup.sends_mails = true;
    setup.auth.accounts.notices = vec![];
    let app = setup.start().await;
    app.enrol(&app.bob().await).await;
    let undoable = "SELECT kind AS value FROM factor_changes WHERE undo_until IS NOT NULL";
    assert_eq!(app.place.texts(undoable).len(), 0);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn owner_is_mailed_when_codes_are_locked(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let mut setup = notifying(place);
    setup.auth.throttle = bienvenue::auth::ThrottleSettings::default();
    setup.auth.throttle.second_factor = Backoff {
        free: 100,
        limit: 3,
        ..setup.auth.throttle.second_factor
    };
    let app = setup.start().await;
    app.enrol(&app.bob().await).await;
    app.mails.next_to(BOB);
    let login = app.first_step().await;
    for _ in 0..3 {
        assert!(app.mails.is_empty(&app.place));
        let wrong = app.second_step(&login, "otp=000000").await;
        assert_eq!(code_of(&wrong), "invalid_second_factor");
    }
    let mail = app.mails.next_to(BOB);
    assert_eq!(
        mail.subject,
        "Too many wrong codes for your Bienvenue account"
    );
    assert!(!mail.text.contains("token:"), "{}", mail.text);
    assert_eq!(
        app.second_step(&login, "otp=000000").await.status.as_u16(),
        429
    );
    assert!(app.mails.is_empty(&app.place), "it is said once");
}
