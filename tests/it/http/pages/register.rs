//! The registration page.

use bienvenue::auth::{AccountSettings, AuthSettings};
use bienvenue::domain::{EmailVerification, Registration};

use super::visitor::Visitor;
use super::{assert_leads, assert_page, with_mails};
use crate::support::app::{Setup, app, quick};

const ANN: [(&str, &str); 2] = [("email", "ann@x.fr"), ("password", "a long enough one")];

fn with(auth: AuthSettings) -> Setup {
    Setup {
        auth,
        ..with_mails()
    }
}

#[actix_web::test]
async fn registration_logs_in_at_once() {
    let app = app().await;
    let ann = Visitor::default();
    let form = [ANN[0], ANN[1], ("next", "/things")];
    assert_leads(&ann.post(&app, "/register", &form).await, "/things");
    let session = ann.cookie("session_id").unwrap();
    assert_eq!(
        app.profile(&session).await.line(),
        r#"200 {"email":"ann@x.fr"}"#
    );
}

#[actix_web::test]
async fn first_login_sends_no_new_device_mail() {
    let app = with_mails().start().await;
    Visitor::default().post(&app, "/register", &ANN).await;
    assert!(app.mails.is_empty(&app.place));
}

#[actix_web::test]
async fn page_shows_the_password_rules() {
    let mut settings = quick();
    settings.passwords.password_min_length = 15.into();
    let app = with(settings).start().await;
    let visitor = Visitor::default();
    let page = visitor.get(&app, "/register").await;
    assert_page(&page, 200);
    for part in [
        "autocomplete=\"new-password\"",
        "aria-describedby=\"password-hint\"",
        "id=\"password-hint\">At least 15 characters.",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    let form = [("email", "ann"), ("password", "short")];
    let page = visitor.post(&app, "/register", &form).await;
    assert_page(&page, 400);
    assert!(
        page.body
            .contains("<a href=\"#email\">Enter an email address in full")
    );
    assert!(
        page.body
            .contains("<a href=\"#password\">The password is too short: it needs 15")
    );
    assert!(
        page.body
            .contains("aria-describedby=\"password-wrong password-hint\"")
    );
    assert!(page.body.contains("value=\"ann\""));
    assert!(!page.body.contains("value=\"short\""));
    let obvious = [
        ("email", "ann.baker@x.fr"),
        ("password", "ann.baker@x.fr2026"),
    ];
    let page = visitor.post(&app, "/register", &obvious).await;
    assert_eq!(page.header("bienvenue-error"), Some("password_too_obvious"));
}

#[actix_web::test]
async fn taken_address_is_shown_beside_its_field() {
    let app = app().await;
    app.register("Ann@x.fr", "bob_pwd").await;
    let page = Visitor::default().post(&app, "/register", &ANN).await;
    assert_page(&page, 400);
    assert_eq!(page.header("bienvenue-error"), Some("email_taken"));
    assert!(
        page.body
            .contains("id=\"email-wrong\">This address already has an account.")
    );
}

#[actix_web::test]
async fn r16_concealed_registration_answers_alike() {
    for (verification, reason) in [
        (EmailVerification::Off, "registered"),
        (EmailVerification::Required, "check_mail"),
    ] {
        let app = with(AuthSettings {
            accounts: AccountSettings {
                registration: Registration::Conceal,
                email_verification: verification,
                ..AccountSettings::default()
            },
            ..quick()
        });
        let app = app.start().await;
        let location = format!("/login?reason={reason}");
        for _ in 0..2 {
            let ann = Visitor::default();
            assert_leads(&ann.post(&app, "/register", &ANN).await, &location);
            assert_eq!(ann.cookie("session_id"), None);
        }
    }
}

#[actix_web::test]
async fn required_verification_comes_before_the_login() {
    let app = with(AuthSettings {
        accounts: AccountSettings {
            email_verification: EmailVerification::Required,
            ..AccountSettings::default()
        },
        ..quick()
    });
    let app = app.start().await;
    let ann = Visitor::default();
    let answer = ann.post(&app, "/register", &ANN).await;
    assert_leads(&answer, "/login?reason=check_mail");
    assert_eq!(ann.cookie("session_id"), None);
}

#[actix_web::test]
async fn closed_registration_has_no_form() {
    let app = with(AuthSettings {
        accounts: AccountSettings {
            registration: Registration::Closed,
            ..AccountSettings::default()
        },
        ..quick()
    });
    let app = app.start().await;
    let visitor = Visitor::default();
    let page = visitor.get(&app, "/register").await;
    assert_page(&page, 200);
    assert!(!page.body.contains("<form"));
    assert_page(&visitor.post(&app, "/register", &ANN).await, 403);
    let login = visitor.get(&app, "/login").await;
    assert!(!login.body.contains("/register"));
}
