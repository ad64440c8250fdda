//! How many wrong codes an account gets.

use std::num::NonZeroU32;
use std::time::Duration;

use bienvenue::auth::ThrottleSettings;
use bienvenue::domain::{Backoff, LimitKey, NormalizedEmail, Password};
use rstest::rstest;

use super::{BOB, PASSWORD, code_of};
use crate::support::app::Setup;
use crate::support::{Engine, Place};

fn limited(place: Place) -> Setup {
    let mut setup = Setup::at(place);
    setup.auth.throttle = ThrottleSettings::default();
    setup
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn wrong_codes_wait_like_wrong_passwords(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let app = limited(place).start().await;
    let (phone, _) = app.enrol(&app.bob().await).await;
    let login = app.first_step().await;
    for _ in 0..5 {
        let wrong = app.second_step(&login, "otp=000000").await;
        assert_eq!(code_of(&wrong), "invalid_second_factor");
    }
    let body = format!("otp={}", app.code(&phone));
    let early = app.second_step(&login, &body).await;
    assert_eq!(
        (early.status.as_u16(), early.header("retry-after")),
        (429, Some("1"))
    );
    app.advance(1);
    let body = format!("otp={}", app.code(&phone));
    assert_eq!(app.second_step(&login, &body).await.status.as_u16(), 200);
    let limit = LimitKey::second_factor(&NormalizedEmail::parse(BOB).unwrap());
    let db = app.place.open(crate::support::settings(&app.clock));
    assert!(
        db.limit_rows(&[&limit]).unwrap().is_empty(),
        "it begins again"
    );
}

/// Each login that begins clears the count of passwords; that of codes stays.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn right_password_does_not_forgive_wrong_codes(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let mut setup = limited(place);
    setup.auth.throttle.second_factor = Backoff {
        free: 100,
        limit: 4,
        ..setup.auth.throttle.second_factor
    };
    let app = setup.start().await;
    let (phone, _) = app.enrol(&app.bob().await).await;
    for _ in 0..2 {
        let login = app.first_step().await;
        app.second_step(&login, "otp=000000").await;
        let wrong = app.log_in_with(PASSWORD, "000000").await;
        assert_eq!(code_of(&wrong), "invalid_credentials");
    }
    // Four in a row: no code is accepted any more, however long one waits.
    app.advance(3 * 3600);
    let login = app.first_step().await;
    let body = format!("otp={}", app.code(&phone));
    assert_eq!(app.second_step(&login, &body).await.status.as_u16(), 429);
    let both = app.log_in_with(PASSWORD, &app.code(&phone)).await;
    assert_eq!(both.status.as_u16(), 429);

    // A reset by mail allows a few more, and still asks for the factor.
    let bob = NormalizedEmail::parse(BOB).unwrap();
    let token = app.auth.get_reset_password_token(bob).unwrap();
    let password = Password::parse(PASSWORD).unwrap();
    app.auth.update_password(&token, &password).unwrap();
    assert_eq!(
        code_of(&app.log_in(BOB, PASSWORD).await),
        "second_factor_required"
    );
    let logged_in = app.log_in_with(PASSWORD, &app.code(&phone)).await;
    assert_eq!(logged_in.status.as_u16(), 200, "{}", logged_in.body);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn reset_by_mail_allows_ten_codes_of_a_hundred(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let mut setup = limited(place);
    setup.auth.throttle.second_factor.first_wait = Duration::ZERO;
    setup.auth.throttle.second_factor.longest_wait = Duration::ZERO;
    setup.auth.throttle.throttle_account_limit = NonZeroU32::new(1000).unwrap();
    let app = setup.start().await;
    app.enrol(&app.bob().await).await;
    let bob = || NormalizedEmail::parse(BOB).unwrap();
    let mut tries = Vec::new();
    for _ in 0..2 {
        let mut count = 0;
        loop {
            app.advance(600);
            let login = app.first_step().await;
            let answer = app.second_step(&login, "otp=000000").await;
            if answer.status.as_u16() == 429 {
                break;
            }
            assert_eq!(code_of(&answer), "invalid_second_factor");
            count += 1;
            assert!(count <= 100, "{count}");
        }
        tries.push(count);
        let token = app.auth.get_reset_password_token(bob()).unwrap();
        let password = Password::parse(PASSWORD).unwrap();
        app.auth.update_password(&token, &password).unwrap();
    }
    assert_eq!(tries, [100, 10]);
}

#[actix_web::test]
async fn code_that_confirms_is_counted_too() {
    let app = limited(Place::new()).start().await;
    let session_id = app.bob().await;
    let phone = app.begin_totp(&session_id).await;
    for _ in 0..5 {
        let wrong = app.confirm_totp(&session_id, "000000").await;
        assert_eq!(code_of(&wrong), "invalid_second_factor");
    }
    let early = app.confirm_totp(&session_id, &app.code(&phone)).await;
    assert_eq!(early.status.as_u16(), 429);
    app.advance(1);
    let confirmed = app.confirm_totp(&session_id, &app.code(&phone)).await;
    assert_eq!(confirmed.status.as_u16(), 200);
}
