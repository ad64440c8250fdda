//! Setting up and removing an authenticator app.

use std::process::Command;

use actix_web::http::Method;
use bienvenue::auth::Notification;
use bienvenue::domain::SecondFactorPolicy;
use rstest::rstest;

use super::{BOB, PASSWORD, Phone, code_of};
use crate::support::app::{Setup, app};
use crate::support::{Engine, PYTHON, Place, has_python_module, has_tool};

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn app_is_set_up_by_password_and_code(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let mut setup = Setup::at(place);
    setup.db.sessions.sessions_per_user = 10.into();
    setup.sends_mails = true;
    let app = setup.start().await;
    let session_id = app.bob().await;
    let other = app.log_in(BOB, PASSWORD).await.session_id();
    for (body, line) in [
        ("", r#"400 {"message":"current_password missing"}"#),
        (
            "current_password=wrong",
            r#"401 {"message":"invalid credentials"}"#,
        ),
    ] {
        let refused = app.as_user(&session_id, Method::POST, "/account/totp", body);
        assert_eq!(refused.await.line(), line);
    }
    let none = app.confirm_totp(&session_id, "123456").await;
    assert_eq!(code_of(&none), "no_second_factor");

    let phone = app.begin_totp(&session_id).await;
    let wrong = app.confirm_totp(&session_id, "000000").await;
    assert_eq!(wrong.line(), r#"401 {"message":"invalid code"}"#);
    assert_eq!(app.profile(&other).await.status.as_u16(), 200);
    let confirmed = app.confirm_totp(&session_id, &app.code(&phone)).await;
    let codes = confirmed.json()["recovery_codes"]
        .as_array()
        .unwrap()
        .clone();
    assert_eq!(codes.len(), 10);
    assert_eq!(app.profile(&session_id).await.status.as_u16(), 200);
    assert_eq!(app.profile(&other).await.status.as_u16(), 403);
    let again = app.confirm_totp(&session_id, &app.code(&phone)).await;
    assert_eq!(code_of(&again), "second_factor_exists");
    let body = format!("current_password={PASSWORD}");
    let second = app.as_user(&session_id, Method::POST, "/account/totp", body);
    assert_eq!(code_of(&second.await), "second_factor_exists");
    let mail = app.mails.next_to(BOB);
    assert!(mail.text.contains("second factor"), "{}", mail.text);

    // The secret is not in the database.
    let sql = match engine {
        Engine::Sqlite => "SELECT hex(secret) AS value FROM totp",
        Engine::Postgres => "SELECT encode(secret, 'hex') AS value FROM totp",
    };
    let stored = app.place.texts(sql).pop().unwrap().to_lowercase();
    let secret = data_encoding::BASE32_NOPAD
        .decode(phone.secret.as_bytes())
        .unwrap();
    assert!(!stored.contains(&data_encoding::HEXLOWER.encode(&secret)));
}

#[actix_web::test]
async fn newer_secret_replaces_one_that_was_not_confirmed() {
    let app = app().await;
    let session_id = app.bob().await;
    let first = app.begin_totp(&session_id).await;
    let second = app.begin_totp(&session_id).await;
    let refused = app.confirm_totp(&session_id, &app.code(&first)).await;
    assert_eq!(code_of(&refused), "invalid_second_factor");
    let confirmed = app.confirm_totp(&session_id, &app.code(&second)).await;
    assert_eq!(confirmed.status.as_u16(), 200);
}

#[actix_web::test]
async fn secret_waits_an_hour_to_be_confirmed() {
    let app = app().await;
    let session_id = app.bob().await;
    let phone = app.begin_totp(&session_id).await;
    app.advance(3600);
    let late = app.confirm_totp(&session_id, &app.code(&phone)).await;
    assert_eq!(code_of(&late), "no_second_factor");
}

#[actix_web::test]
async fn clock_that_is_off_is_named() {
    let app = app().await;
    let session_id = app.bob().await;
    let phone = app.begin_totp(&session_id).await;
    let now = app.clock.now();
    let span = std::time::Duration::from_secs;
    for (at, message) in [
        (
            now.minus(span(90)),
            "the clock of your phone is about 90 seconds behind",
        ),
        (
            now.plus(span(300)),
            "the clock of your phone is about 300 seconds ahead",
        ),
    ] {
        let off = app.confirm_totp(&session_id, &phone.code(at)).await;
        assert_eq!((off.status.as_u16(), code_of(&off)), (401, "clock_off"));
        assert!(off.body.contains(message), "{}", off.body);
    }
    let one_step = phone.code(now.minus(span(30)));
    let confirmed = app.confirm_totp(&session_id, &one_step).await;
    assert_eq!(confirmed.status.as_u16(), 200);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn app_is_removed_by_password_and_second_factor(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let app = Setup::at(place).start().await;
    let session_id = app.bob().await;
    let (phone, codes) = app.enrol(&session_id).await;
    let remove = |body: String| app.as_user(&session_id, Method::DELETE, "/account/totp", body);
    let right = app.code(&phone);
    let wrong_code = remove(format!("current_password={PASSWORD}&otp=000000")).await;
    let wrong_password = remove(format!("current_password=wrong&otp={right}")).await;
    assert_eq!(wrong_code.line(), wrong_password.line());
    let missing = remove(format!("current_password={PASSWORD}")).await;
    assert_eq!(missing.line(), r#"400 {"message":"otp missing"}"#);
    let removed = remove(format!(
        "current_password={PASSWORD}&recovery_code={}",
        codes[0]
    ))
    .await;
    assert_eq!(removed.line(), "200 {}");
    assert_eq!(app.profile(&session_id).await.status.as_u16(), 200);
    assert_eq!(app.log_in(BOB, PASSWORD).await.status.as_u16(), 200);
    let session_id = app.log_in(BOB, PASSWORD).await.session_id();
    let body = format!("current_password={PASSWORD}&otp={right}");
    let gone = app
        .as_user(&session_id, Method::DELETE, "/account/totp", body)
        .await;
    assert_eq!(code_of(&gone), "no_second_factor");
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn new_recovery_codes_invalidate_the_old_ones(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let app = Setup::at(place).start().await;
    let session_id = app.bob().await;
    let body = format!("current_password={PASSWORD}");
    let replace = || {
        let body = body.clone();
        app.as_user(&session_id, Method::POST, "/account/recovery_codes", body)
    };
    assert_eq!(code_of(&replace().await), "no_second_factor");
    let (_, old) = app.enrol(&session_id).await;
    let replaced = replace().await;
    let new = replaced.json()["recovery_codes"][9]
        .as_str()
        .unwrap()
        .to_owned();
    let login = app.first_step().await;
    for code in &old {
        let answer = app
            .second_step(&login, &format!("recovery_code={code}"))
            .await;
        assert_eq!(code_of(&answer), "invalid_second_factor");
    }
    let answer = app
        .second_step(&login, &format!("recovery_code={new}"))
        .await;
    assert_eq!(answer.status.as_u16(), 200);
}

#[actix_web::test]
async fn second_factor_off_allows_no_setup() {
    let place = Place::new();
    let mut setup = Setup::at(place);
    setup.auth.second_factor = SecondFactorPolicy::Off;
    let app = setup.start().await;
    let session_id = app.bob().await;
    let body = format!("current_password={PASSWORD}");
    let refused = app.as_user(&session_id, Method::POST, "/account/totp", body);
    assert_eq!(code_of(&refused.await), "second_factor_off");
}

#[actix_web::test]
async fn owner_is_notified_of_each_change() {
    let mut setup = Setup::new();
    setup.sends_mails = true;
    setup.auth.accounts.notices = vec![Notification::SecondFactor];
    let app = setup.start().await;
    let session_id = app.bob().await;
    let (phone, codes) = app.enrol(&session_id).await;
    let told = || app.mails.next_to(BOB).subject;
    assert_eq!(
        told(),
        "A second factor was added to your Bienvenue account"
    );
    let body = format!("recovery_code={}", codes[0]);
    let session_id = app
        .second_step(&app.first_step().await, &body)
        .await
        .session_id();
    assert_eq!(
        told(),
        "A recovery code was used for your Bienvenue account"
    );
    let body = format!("current_password={PASSWORD}");
    app.as_user(&session_id, Method::POST, "/account/recovery_codes", body)
        .await;
    assert_eq!(told(), "New recovery codes for your Bienvenue account");
    let body = format!("current_password={PASSWORD}&otp={}", app.code(&phone));
    app.as_user(&session_id, Method::DELETE, "/account/totp", body)
        .await;
    assert_eq!(
        told(),
        "The second factor of your Bienvenue account was removed"
    );
}

#[actix_web::test]
async fn export_lists_second_factors_without_secrets() {
    let app = app().await;
    let session_id = app.bob().await;
    let (phone, codes) = app.enrol(&session_id).await;
    app.first_step().await;
    let export = app
        .with_cookie(
            Method::GET,
            "/profile/export",
            &format!("session_id={session_id}"),
        )
        .await;
    let json = export.json();
    assert_eq!(json["second_factors"]["recovery_codes_left"], 10);
    assert_eq!(json["second_factors"]["totp_since"], "2027-01-15T08:00:00Z");
    assert_eq!(
        json["pending_logins"][0]["created_at"],
        "2027-01-15T08:00:30Z"
    );
    for secret in [&phone.secret, &codes[0]] {
        assert!(!export.body.contains(secret.as_str()));
    }
}

#[actix_web::test]
async fn codes_of_oathtool_are_accepted() {
    if !has_tool("oathtool") {
        return;
    }
    codes_are_accepted(|secret, now| {
        let mut oathtool = Command::new("oathtool");
        oathtool.args(["--totp", "--base32", &format!("--now=@{now}"), secret]);
        oathtool
    })
    .await;
}

#[actix_web::test]
async fn codes_of_pyotp_are_accepted() {
    if !has_python_module("pyotp", "python3-pyotp") {
        return;
    }
    codes_are_accepted(|secret, now| {
        let program = "import pyotp, sys; print(pyotp.TOTP(sys.argv[1]).at(int(sys.argv[2])))";
        let mut pyotp = Command::new(PYTHON);
        pyotp.args(["-c", program, secret, &now.to_string()]);
        pyotp
    })
    .await;
}

/// Enrols, and logs in 20 times, with the codes that a program prints for a secret and a time.
async fn codes_are_accepted(program: impl Fn(&str, i64) -> Command) {
    let app = app().await;
    let session_id = app.bob().await;
    let phone = app.begin_totp(&session_id).await;
    let code = |phone: &Phone| {
        let output = program(&phone.secret, app.clock.now().seconds())
            .output()
            .unwrap();
        let code = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{:?}", output.stderr);
        code.trim().to_owned()
    };
    let confirmed = app.confirm_totp(&session_id, &code(&phone)).await;
    assert_eq!(confirmed.status.as_u16(), 200, "{}", confirmed.body);
    for _ in 0..20 {
        app.advance(30);
        let logged_in = app.log_in_with(PASSWORD, &code(&phone)).await;
        assert_eq!(logged_in.status.as_u16(), 200, "{}", logged_in.body);
    }
}

#[actix_web::test]
async fn zbarimg_reads_the_qr_code() {
    if !has_tool("zbarimg") || !has_tool("rsvg-convert") {
        return;
    }
    let mut setup = Setup::new();
    setup.auth.accounts.service_name = "Ann & Co: Küche".to_owned();
    let app = setup.start().await;
    let session_id = app.bob().await;
    let body = format!("current_password={PASSWORD}");
    let begun = app
        .as_user(&session_id, Method::POST, "/account/totp", body)
        .await;
    let json = begun.json();
    let (svg, png) = (app.place.path("code.svg"), app.place.path("code.png"));
    std::fs::write(&svg, json["qr_svg"].as_str().unwrap()).unwrap();
    let drawn = Command::new("rsvg-convert")
        .args(["--width", "300", "--output"])
        .arg(&png)
        .arg(&svg)
        .status();
    assert!(drawn.unwrap().success());
    let read = Command::new("zbarimg")
        .args(["--quiet", "--raw"])
        .arg(&png)
        .output()
        .unwrap();
    let read = String::from_utf8(read.stdout).unwrap();
    let uri = json["otpauth_uri"].as_str().unwrap();
    assert_eq!(read.trim_end(), uri);
    let secret = json["secret"].as_str().unwrap();
    assert!(uri.starts_with("otpauth://totp/Ann%20%26%20Co%3A%20K%C3%BCche:bob%40x%2Efr?"));
    assert!(uri.contains(&format!("secret={secret}&")), "{uri}");
}
