//! The login page: its form, its answers, and where it leads.

use std::time::Duration;

use bienvenue::auth::{AccountSettings, AuthSettings, ThrottleSettings};
use bienvenue::domain::EmailVerification;
use bienvenue::http::HttpSettings;

use super::visitor::Visitor;
use super::{assert_leads, assert_page};
use crate::support::app::{Setup, app, quick};

const RIGHT: [(&str, &str); 2] = [("email", "bob@x.fr"), ("password", "bob_pwd")];

#[actix_web::test]
async fn login_page_has_what_password_managers_look_for() {
    let app = app().await;
    let page = Visitor::reading("en").get(&app, "/login").await;
    assert_page(&page, 200);
    for part in [
        "<html lang=\"en\">",
        "<title>Log in – Bienvenue</title>",
        "<form method=\"post\" action=\"/login\"",
        "<label for=\"email\">Email address</label>",
        "type=\"email\"",
        "autocomplete=\"username\"",
        "inputmode=\"email\"",
        "<label for=\"password\">Password</label>",
        "autocomplete=\"current-password\"",
        "name=\"keep\"",
        "href=\"/forgot\"",
        "href=\"/register\"",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert!(!page.body.contains("<script"));
    assert!(!page.body.contains("role=\"alert\""));
}

#[actix_web::test]
async fn right_login_leads_to_the_account() {
    let app = app().await;
    app.register("bob@x.fr", "bob_pwd").await;
    let bob = Visitor::default();
    let answer = bob.post(&app, "/login", &RIGHT).await;
    assert_leads(&answer, "/account");
    let cookies = answer.headers("set-cookie");
    let session = cookies.iter().find(|c| c.starts_with("session_id="));
    let session = session.unwrap();
    assert!(
        session.contains("HttpOnly; SameSite=Lax; Path=/"),
        "{session}"
    );
    assert!(!session.contains("Max-Age"), "{session}");
    assert_page(&bob.get(&app, "/account").await, 200);
    // A user who is logged in does not need the form.
    assert_leads(&bob.get(&app, "/login?next=%2Fx").await, "/x");
    assert_leads(&bob.get(&app, "/register").await, "/account");
}

#[actix_web::test]
async fn kept_login_lasts_as_long_as_a_session() {
    let setup = Setup {
        http: HttpSettings {
            https: true,
            session_lifetime: Duration::from_secs(4000),
            ..HttpSettings::default()
        },
        ..Setup::new()
    };
    let app = setup.start().await;
    app.register("bob@x.fr", "bob_pwd").await;
    let form = [RIGHT[0], RIGHT[1], ("keep", "on")];
    let answer = Visitor::default().post(&app, "/login", &form).await;
    let cookies = answer.headers("set-cookie");
    let session = cookies.iter().find(|c| c.starts_with("session_id="));
    let session = session.unwrap();
    assert!(session.contains("Max-Age=4000"), "{session}");
    assert!(session.contains("Secure"), "{session}");
}

#[actix_web::test]
async fn wrong_login_keeps_the_email_and_never_the_password() {
    let app = app().await;
    app.register("bob@x.fr", "bob_pwd").await;
    let visitor = Visitor::default();
    let mut bodies = Vec::new();
    for email in ["bob@x.fr", "eve@x.fr"] {
        let form = [("email", email), ("password", "s3cret"), ("keep", "on")];
        let answer = visitor.post(&app, "/login", &form).await;
        assert_page(&answer, 401);
        assert_eq!(
            answer.header("bienvenue-error"),
            Some("invalid_credentials")
        );
        assert!(answer.body.contains(&format!("value=\"{email}\"")));
        assert!(answer.body.contains("role=\"alert\""));
        let title = "<title>Error: Log in – Bienvenue</title>";
        assert!(answer.body.contains(title));
        assert!(answer.body.contains("value=\"on\" checked"));
        assert!(!answer.body.contains("s3cret"));
        bodies.push(answer.body.replace(email, ""));
    }
    assert_eq!(
        bodies[0], bodies[1],
        "known and unknown addresses look alike"
    );
    assert_eq!(visitor.cookie("session_id"), None);
}

#[actix_web::test]
async fn all_fields_at_fault_are_named_at_once() {
    let app = app().await;
    let visitor = Visitor::default();
    let answer = visitor.post(&app, "/login", &[("email", "")]).await;
    assert_page(&answer, 400);
    assert_eq!(answer.header("bienvenue-error"), Some("missing_field"));
    for part in [
        "<a href=\"#email\">Enter your email address.</a>",
        "<a href=\"#password\">Enter your password.</a>",
        "aria-describedby=\"email-wrong\" autofocus",
        "id=\"password-wrong\">Enter your password.",
    ] {
        assert!(answer.body.contains(part), "{part}: {}", answer.body);
    }
    assert_eq!(answer.body.matches("aria-invalid=\"true\"").count(), 2);
}

#[actix_web::test]
async fn page_is_in_the_language_of_the_reader() {
    let app = app().await;
    let page = Visitor::reading("fr-CH, fr;q=0.9, en;q=0.8, *;q=0.5");
    let page = page.get(&app, "/login?reason=logged_out").await;
    assert!(page.body.contains("<html lang=\"fr\">"));
    assert!(page.body.contains("<h1>Connexion</h1>"));
    assert!(page.body.contains("Mot de passe oublié\u{202f}?"));
    assert!(page.body.contains("Déconnexion réussie."));
    let page = Visitor::reading("de").get(&app, "/login").await;
    assert!(page.body.contains("<html lang=\"en\">"));
}

#[actix_web::test]
async fn reason_is_one_of_a_fixed_set() {
    let app = app().await;
    let visitor = Visitor::default();
    let page = visitor.get(&app, "/login?reason=session_ended").await;
    assert!(page.body.contains("Your session has ended"));
    let page = visitor.get(&app, "/login?reason=You+are+hacked").await;
    assert!(!page.body.contains("hacked"));
    assert!(!page.body.contains("role=\"status\""));
}

#[actix_web::test]
async fn r98_next_is_carried_and_leads_nowhere_else() {
    let app = app().await;
    app.register("bob@x.fr", "bob_pwd").await;
    let visitor = Visitor::default();
    let page = visitor.get(&app, "/login?next=%2Fthings%3Fa%3D1%262").await;
    let hidden = "<input type=\"hidden\" name=\"next\" value=\"&#x2f;things?a=1&amp;2\">";
    assert!(page.body.contains(hidden), "{}", page.body);
    assert!(page.body.contains("/register?next=%2Fthings%3Fa%3D1%262"));
    // A failure keeps it.
    let form = [
        ("email", "bob@x.fr"),
        ("password", "x"),
        ("next", "/things"),
    ];
    let page = visitor.post(&app, "/login", &form).await;
    assert!(page.body.contains("name=\"next\" value=\"&#x2f;things\""));
    let form = |next| [RIGHT[0], RIGHT[1], ("next", next)];
    let answer = Visitor::default()
        .post(&app, "/login", &form("/things?a=1&2"))
        .await;
    assert_leads(&answer, "/things?a=1&2");
    for next in [
        "//evil.example",
        "https://evil.example/",
        "/\\evil.example",
        "/%5cevil.example",
        "/a\r\nSet-Cookie: x=y",
        "javascript:alert(1)",
    ] {
        let answer = Visitor::default().post(&app, "/login", &form(next)).await;
        assert_leads(&answer, "/account");
        let query = percent_encoding::utf8_percent_encode(next, percent_encoding::NON_ALPHANUMERIC);
        let page = visitor.get(&app, &format!("/login?next={query}")).await;
        assert!(!page.body.contains("evil.example"), "{next}");
        assert!(!page.body.contains("name=\"next\""), "{next}");
    }
    let twice = visitor.get(&app, "/login?next=/a&next=/b").await;
    assert!(!twice.body.contains("name=\"next\""));
}

#[actix_web::test]
async fn r11_guesses_by_the_page_are_throttled_as_by_the_api() {
    let setup = Setup {
        auth: AuthSettings {
            throttle: ThrottleSettings::default(),
            ..quick()
        },
        ..Setup::new()
    };
    let app = setup.start().await;
    app.register("bob@x.fr", "bob_pwd").await;
    let visitor = Visitor::default();
    let wrong = [("email", "bob@x.fr"), ("password", "x")];
    for _ in 0..5 {
        assert_page(&visitor.post(&app, "/login", &wrong).await, 401);
    }
    let answer = visitor.post(&app, "/login", &RIGHT).await;
    assert_page(&answer, 429);
    assert_eq!(answer.header("bienvenue-error"), Some("rate_limited"));
    let wait = answer.header("retry-after").unwrap();
    assert!(
        answer.body.contains(&format!("Try again in {wait}\u{a0}s"))
            || answer.body.contains(&format!("Try again in {wait} s")),
        "{}",
        answer.body
    );
    assert!(answer.body.contains("value=\"bob@x.fr\""));
    // The API counts in the same place.
    assert_eq!(app.log_in("bob@x.fr", "bob_pwd").await.status, 429);
}

#[actix_web::test]
async fn unverified_address_sees_where_the_mail_went() {
    let setup = Setup {
        auth: AuthSettings {
            accounts: AccountSettings {
                email_verification: EmailVerification::Required,
                ..AccountSettings::default()
            },
            ..quick()
        },
        ..Setup::new()
    };
    let app = setup.start().await;
    app.register("bob@x.fr", "bob_pwd").await;
    let answer = Visitor::default().post(&app, "/login", &RIGHT).await;
    assert_page(&answer, 403);
    assert_eq!(answer.header("bienvenue-error"), Some("email_not_verified"));
    assert!(answer.body.contains("Your address is not confirmed yet."));
}

#[actix_web::test]
async fn logout_needs_a_post_and_leads_to_the_login() {
    let app = app().await;
    app.register("bob@x.fr", "bob_pwd").await;
    let bob = Visitor::default();
    bob.post(&app, "/login", &RIGHT).await;
    let session = bob.cookie("session_id").unwrap();
    let page = bob.get(&app, "/logout?next=/bye").await;
    assert_page(&page, 200);
    assert!(page.body.contains("You are logged in as bob@x.fr."));
    assert!(page.body.contains("value=\"&#x2f;bye\""));
    assert_eq!(app.profile(&session).await.status, 200);
    let answer = bob.post(&app, "/logout", &[]).await;
    assert_leads(&answer, "/login?reason=logged_out");
    assert_eq!(bob.cookie("session_id"), None);
    assert_eq!(app.profile(&session).await.status, 403);
    // Once more is no error.
    assert_leads(
        &bob.post(&app, "/logout", &[("next", "/bye")]).await,
        "/bye",
    );
    assert_leads(
        &bob.get(&app, "/logout").await,
        "/login?reason=login_required&next=%2Flogout",
    );
}
