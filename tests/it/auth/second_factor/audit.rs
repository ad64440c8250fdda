//! The audit events of second factors.

use actix_web::http::Method;
use bienvenue::domain::{Backoff, UserId};
use rstest::rstest;

use super::undo::{notifying, spend};
use super::{BOB, PASSWORD};
use crate::support::app::App;
use crate::support::mailbox::token_of;
use crate::support::{Engine, Place};

impl App {
    /// The latest events of the first user with their reasons, the oldest first. Events of mails are
    /// left out: they come at random times.
    pub(crate) fn latest_events(&self, count: usize) -> Vec<String> {
        self.auth.flush();
        let user = UserId::new(1);
        let mut events = self.auth.audit_events_of(user, None, 100).unwrap();
        events.retain(|event| event.event != "mail_sent");
        events.truncate(count);
        events.reverse();
        let name = |event: bienvenue::domain::AuditEvent| {
            let reason = event.details.and_then(|details| details.reason);
            let reason = reason.map(|reason| format!(" {reason}"));
            event.event + &reason.unwrap_or_default()
        };
        events.into_iter().map(name).collect()
    }
}

#[rstest]
#[actix_web::test]
async fn each_event_of_a_factor_has_its_row(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let app = notifying(place).start().await;
    let session_id = app.bob().await;
    let phone = app.begin_totp(&session_id).await;
    app.confirm_totp(&session_id, "000000").await;
    let late = app.clock.now().minus(std::time::Duration::from_secs(90));
    app.confirm_totp(&session_id, &phone.code(late)).await;
    let confirmed = app.confirm_totp(&session_id, &app.code(&phone)).await;
    let codes = confirmed.json()["recovery_codes"].clone();
    let undo = token_of(&app.mails.next_to(BOB));
    app.confirm_totp(&session_id, "000000").await;
    assert_eq!(
        app.latest_events(4),
        [
            "authn_second_factor_fail wrong_code",
            "authn_second_factor_fail clock_off",
            "authn_second_factor_added",
            "authn_second_factor_fail second_factor_exists",
        ]
    );
    app.advance(30);
    let login = app.first_step().await;
    app.second_step(&login, "otp=000000").await;
    let body = format!("recovery_code={}", codes[0].as_str().unwrap());
    let session_id = app.second_step(&login, &body).await.session_id();
    let events = app.latest_events(5);
    assert_eq!(
        events,
        [
            "authn_login_second_factor_required",
            "authn_login_fail wrong_code",
            "authn_recovery_code_used",
            "authn_login_success",
            "session_ended replaced",
        ]
    );
    let body = format!("current_password={PASSWORD}");
    app.as_user(&session_id, Method::POST, "/account/recovery_codes", body)
        .await;
    let body = format!("current_password={PASSWORD}&otp={}", app.code(&phone));
    app.as_user(&session_id, Method::DELETE, "/account/totp", body)
        .await;
    let undone = spend(&app, &undo).await;
    assert_eq!(undone.status.as_u16(), 200, "{}", undone.body);
    let events = app.latest_events(3);
    assert_eq!(
        events,
        [
            "authn_recovery_codes_replaced",
            "authn_second_factor_removed",
            "authn_second_factor_undone",
        ]
    );
}

#[actix_web::test]
async fn last_wrong_code_of_an_account_is_an_event() {
    let mut setup = notifying(Place::new());
    setup.auth.throttle = bienvenue::auth::ThrottleSettings::default();
    setup.auth.throttle.second_factor = Backoff {
        limit: 2,
        ..setup.auth.throttle.second_factor
    };
    let app = setup.start().await;
    app.enrol(&app.bob().await).await;
    let login = app.first_step().await;
    for _ in 0..3 {
        app.second_step(&login, "otp=000000").await;
    }
    let events = app.latest_events(9);
    let locks = events.iter();
    let locks = locks.filter(|event| *event == "authn_second_factor_lock");
    assert_eq!(locks.count(), 1, "{events:?}");
}
