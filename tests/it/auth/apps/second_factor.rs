//! Applications that ask for a second factor.

use rstest::rstest;
use totp_rs::{Builder, Secret};

use super::*;

const PAGE: &str = "https://wiki.example.org/page";

fn add_guarded(db: &DB) {
    let new = Application {
        name: "wiki".parse().unwrap(),
        origin: origin(WIKI),
        groups: Vec::new(),
        second_factor: true,
    };
    db.add_app(&new).unwrap();
    assert!(db.app(&new.name).unwrap().second_factor);
}

/// Sets up an authenticator app, and returns a code for a later step.
async fn enrol(app: &App, session: &SessionId) -> String {
    let session = session.expose();
    let begun = app.as_user(
        &session,
        Method::POST,
        "/account/totp",
        "current_password=a_pwd",
    );
    let secret = begun.await.json()["secret"].as_str().unwrap().to_owned();
    let code = |at: u64| {
        let secret = Secret::try_from_base32(&secret).unwrap();
        let totp = Builder::new().with_secret(secret).build().unwrap();
        totp.generate(at).to_string()
    };
    let now = u64::try_from(app.clock.now().seconds()).unwrap();
    let body = format!("otp={}", code(now));
    let confirmed = app.as_user(&session, Method::PUT, "/account/totp", body);
    assert_eq!(confirmed.await.status.as_u16(), 200);
    app.advance(30);
    code(now + 30)
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn guarded_application_asks_for_a_second_factor(#[case] engine: Engine) {
    let Some(setup) = setup(engine) else {
        return;
    };
    let app = setup.start().await;
    let session = user(&app, "bob@x.fr").await;
    let db = operator(&app);
    add_guarded(&db);
    let answer = app.ask("/verify", PAGE, "").await;
    let next = next_of(&location(&answer));
    let next = app.auth.app_url(&next).unwrap().unwrap();

    // Without a factor the hand-over leads to enrolment, and no code is made.
    let refused = app.auth.open_app(&session, &next).unwrap_err();
    assert!(matches!(refused, AuthError::EnrolmentRequired), "{refused}");
    assert_eq!(
        app.place
            .texts("SELECT app_name AS value FROM hand_over_codes")
            .len(),
        0
    );

    let otp = enrol(&app, &session).await;
    let cookie = enter(&app, PAGE, &session).await;
    let passed = app.ask("/verify", PAGE, &cookie).await;
    assert_eq!(verdict(&passed), PASSED);
    assert_eq!(passed.header("remote-auth-level"), Some("2"));

    // A session of level 1 of a user who has a factor is asked for it.
    app.place.sql("UPDATE sessions SET level = 1");
    let refused = app.auth.open_app(&session, &next).unwrap_err();
    assert!(matches!(refused, AuthError::StepUpRequired), "{refused}");
    let asked = app.ask("/verify", PAGE, &cookie).await;
    assert_eq!(verdict(&asked), (401, Some("second_factor_required")));
    assert_eq!(asked.header("remote-user"), Some(""));
    let page = location(&asked);
    assert_eq!(page.path(), "/login");
    assert!(page.query().unwrap().starts_with("reason=step_up&next="));
    let body = format!("email=bob@x.fr&password=a_pwd&otp={otp}");
    let again = app.form(Method::POST, "/sessions", body).await;
    let session = SessionId::parse(&again.session_id()).unwrap();
    app.auth.open_app(&session, &next).unwrap();
}

#[actix_web::test]
async fn proxy_sends_a_user_without_a_factor_to_enrolment() {
    let app = setup(Engine::Sqlite).unwrap().start().await;
    let session = user(&app, "bob@x.fr").await;
    let db = operator(&app);
    add_app(&db, "wiki", WIKI, &[]);
    let cookie = enter(&app, PAGE, &session).await;
    assert_eq!(verdict(&app.ask("/verify", PAGE, &cookie).await), PASSED);
    app.place.sql("UPDATE apps SET second_factor = 1");
    let asked = app.ask("/verify", PAGE, &cookie).await;
    let code = Some("second_factor_enrolment_required");
    assert_eq!(verdict(&asked), (401, code));
    let page = location(&asked);
    assert_eq!(page.path(), "/account/second-factor");
    let next = app.auth.app_url(&next_of(&page)).unwrap();
    assert_eq!(next.unwrap().origin().as_str(), WIKI);
}
