//! The pages of second factors: set up, shown, removed, and asked for first where that is required.

use std::time::Duration;

use actix_web::http::Method;
use bienvenue::domain::{SecondFactorPolicy, Timestamp};
use rstest::rstest;
use totp_rs::{Builder, Secret};

use super::visitor::Visitor;
use super::{assert_leads, assert_page, with_mails};
use crate::support::app::{Answer, App, Setup, app};
use crate::support::mailbox::token_of;
use crate::support::{Engine, Place};

const BOB: [(&str, &str); 2] = [("email", "bob@x.fr"), ("password", "bob_pwd")];
const PASSWORD: (&str, &str) = ("current_password", "bob_pwd");
const PAGE: &str = "/account/second-factor";
const APP: &str = "/account/second-factor/app";
const CODE: &str = "/account/second-factor/app/code";

/// What stands between two texts of a page.
fn between<'a>(page: &'a Answer, before: &str, after: &str) -> &'a str {
    let (_, rest) = page.body.split_once(before).expect(&page.body);
    rest.split_once(after).expect(before).0
}

/// Whether a page has a link to a path.
fn has_link(page: &Answer, path: &str) -> bool {
    let escaped = path.replace('/', "&#x2f;");
    let links = [path, &escaped].map(|path| format!("href=\"{path}\""));
    links.iter().any(|link| page.body.contains(link))
}

fn secret_of(page: &Answer) -> String {
    between(page, "name=\"secret\" value=\"", "\"").to_owned()
}

fn code(secret: &str, at: Timestamp) -> String {
    let secret = Secret::try_from_base32(secret).unwrap();
    let totp = Builder::new().with_secret(secret).build().unwrap();
    totp.generate(u64::try_from(at.seconds()).unwrap())
        .to_string()
}

/// Sets an app up in a browser that is logged in, and returns its secret and the page with the
/// recovery codes.
pub(super) async fn set_up(app: &App, bob: &Visitor, next: &str) -> (String, Answer) {
    let shown = bob.post(app, APP, &[PASSWORD, ("next", next)]).await;
    assert_page(&shown, 200);
    let secret = secret_of(&shown);
    let otp = code(&secret, app.clock.now());
    let form = [("otp", &*otp), ("secret", &*secret), ("next", next)];
    let codes = bob.post(app, CODE, &form).await;
    assert_page(&codes, 200);
    app.advance(30);
    (secret, codes)
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn app_is_set_up_shown_and_removed_in_a_browser(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let app = Setup::at(place).start().await;
    let bob = Visitor::default();
    bob.post(&app, "/register", &BOB).await;
    let page = bob.get(&app, PAGE).await;
    assert_page(&page, 200);
    assert!(page.body.contains("not set up"), "{}", page.body);
    assert!(!page.body.contains("What was changed"));

    // The password is asked for again, and errors are said beside the fields.
    assert_page(&bob.get(&app, APP).await, 200);
    let wrong = bob.post(&app, APP, &[("current_password", "guess")]).await;
    assert_page(&wrong, 401);
    assert!(wrong.body.contains("id=\"current_password-wrong\""));
    let shown = bob.post(&app, APP, &[PASSWORD]).await;
    assert_page(&shown, 200);
    let secret = secret_of(&shown);
    assert!(shown.body.contains("<svg viewBox="), "{}", shown.body);
    assert!(shown.body.contains(&secret[..4]) && shown.body.contains("otpauth:"));
    for (otp, text) in [
        ("", "Enter the code of your app."),
        ("000000", "The code is wrong or was already used."),
        (
            &code(&secret, app.clock.now().minus(Duration::from_secs(90))),
            "Your phone is about 90 seconds behind.",
        ),
        (
            &code(&secret, app.clock.now().plus(Duration::from_secs(120))),
            "Your phone is about 120 seconds ahead.",
        ),
    ] {
        let form = [("otp", otp), ("secret", &*secret)];
        let wrong = bob.post(&app, CODE, &form).await;
        assert_page(&wrong, if otp.is_empty() { 400 } else { 401 });
        assert!(
            between(&wrong, "id=\"otp-wrong\">", "<").contains(text),
            "{}",
            wrong.body
        );
        assert_eq!(secret_of(&wrong), secret, "the page shows it again");
    }
    let otp = code(&secret, app.clock.now());
    let form = [("otp", &*otp), ("secret", &*secret)];
    let codes = bob.post(&app, CODE, &form).await;
    assert_page(&codes, 200);
    assert_eq!(codes.body.matches("<li><code>").count(), 10);
    assert!(has_link(&codes, PAGE), "{}", codes.body);
    let again = bob.post(&app, CODE, &[("otp", &otp)]).await;
    assert_leads(&again, &format!("{PAGE}?done=exists"));
    let again = bob.post(&app, APP, &[PASSWORD]).await;
    assert_leads(&again, &format!("{PAGE}?done=exists"));

    app.advance(30);
    let page = bob.get(&app, PAGE).await;
    for part in [
        "10 left",
        "2027-01-15 08:00 UTC",
        "Authenticator app set up",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    let account = bob.get(&app, "/account").await;
    assert!(
        account
            .body
            .contains("Authenticator app since 2027-01-15 08:00 UTC. Recovery codes left: 10")
    );
    assert!(account.body.contains("Last change of the second factor"));

    let path = "/account/second-factor/recovery-codes";
    let old = between(&codes, "<li><code>", "<").to_owned();
    let wrong = bob.post(&app, path, &[("current_password", "guess")]).await;
    assert_page(&wrong, 401);
    let new = bob.post(&app, path, &[PASSWORD]).await;
    assert_eq!(new.body.matches("<li><code>").count(), 10);
    assert!(!new.body.contains(&old));

    let path = "/account/second-factor/remove";
    for form in [
        [PASSWORD, ("otp", "000000")],
        [
            ("current_password", "guess"),
            ("otp", &code(&secret, app.clock.now())),
        ],
    ] {
        let wrong = bob.post(&app, path, &form).await;
        assert_page(&wrong, 401);
        let text = "The password or the code is wrong, or the code was already used.";
        assert!(wrong.body.contains(text), "{}", wrong.body);
    }
    let recovery = between(&new, "<li><code>", "<").to_owned();
    let form = [PASSWORD, ("recovery", "1"), ("recovery_code", &*recovery)];
    let removed = bob.post(&app, path, &form).await;
    assert_leads(&removed, &format!("{PAGE}?done=removed"));
    let page = bob.get(&app, &format!("{PAGE}?done=removed")).await;
    for part in ["was removed", "not set up", "Authenticator app removed"] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
}

#[actix_web::test]
async fn clock_that_is_off_is_said_in_french() {
    let app = app().await;
    let bob = Visitor::reading("fr");
    bob.post(&app, "/register", &BOB).await;
    let secret = secret_of(&bob.post(&app, APP, &[PASSWORD]).await);
    for (at, text) in [
        (
            app.clock.now().minus(Duration::from_secs(90)),
            "Votre téléphone retarde d’environ 90 secondes.",
        ),
        (
            app.clock.now().plus(Duration::from_secs(120)),
            "Votre téléphone avance d’environ 120 secondes.",
        ),
    ] {
        let form = [("otp", &*code(&secret, at)), ("secret", &*secret)];
        let wrong = bob.post(&app, CODE, &form).await;
        assert_page(&wrong, 401);
        let said = between(&wrong, "id=\"otp-wrong\">", "<");
        assert!(said.contains(text), "{said}");
    }
}

#[actix_web::test]
async fn secret_and_codes_are_shown_once() {
    let app = app().await;
    let bob = Visitor::default();
    bob.post(&app, "/register", &BOB).await;
    let shown = bob.post(&app, APP, &[PASSWORD]).await;
    let secret = secret_of(&shown);
    // A session alone does not read the secret that waits to be confirmed.
    let wrong = bob.post(&app, CODE, &[("otp", "000000")]).await;
    for page in [
        &wrong,
        &bob.get(&app, PAGE).await,
        &bob.get(&app, APP).await,
    ] {
        assert!(!page.body.contains(&secret), "{}", page.body);
        assert!(!page.body.contains("<svg"), "{}", page.body);
    }
    let expired = bob.get(&app, CODE).await;
    assert_leads(&expired, &format!("{PAGE}?done=expired"));
    // Nor is a text shown that is no secret.
    let hostile = "\"><script>alert(1)</script>";
    let form = [("otp", "1"), ("secret", hostile)];
    let page = bob.post(&app, CODE, &form).await;
    assert!(!page.body.contains("<script"), "{}", page.body);
    assert_eq!(shown.header("cache-control"), Some("no-store"));
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn required_factor_is_set_up_before_all_else(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let mut setup = Setup::at(place);
    setup.auth.second_factor = SecondFactorPolicy::Required;
    let app = setup.start().await;
    let bob = Visitor::default();
    let form = [BOB[0], BOB[1], ("next", "/account/email")];
    let answer = bob.post(&app, "/register", &form).await;
    assert_leads(&answer, "/account/email");
    let enrolment = format!("{PAGE}?next=%2Faccount%2Femail");
    assert_leads(&bob.get(&app, "/account/email").await, &enrolment);
    for path in [
        "/account",
        "/account/password",
        "/account/export",
        "/account/sessions",
    ] {
        let answer = bob.get(&app, path).await;
        assert_eq!(answer.status.as_u16(), 303, "{path}");
        assert!(
            answer.header("location").unwrap().starts_with(PAGE),
            "{path}"
        );
    }
    // A passkey is a second factor too.
    assert_page(&bob.get(&app, "/account/passkeys").await, 200);
    let change = [PASSWORD, ("new_password", "n3w_pwd")];
    let answer = bob.post(&app, "/account/password", &change).await;
    assert_eq!(answer.status.as_u16(), 303);
    let page = bob.follow(&app, "/").await;
    assert_page(&page, 200);
    assert!(page.body.contains("A second factor is required here."));
    assert!(page.body.contains("action=\"/logout\"") && !page.body.contains("\"/account\""));

    let page = bob.get(&app, &enrolment).await;
    let link = format!("{APP}?next=%2Faccount%2Femail");
    assert!(has_link(&page, &link), "{}", page.body);
    let (_, codes) = set_up(&app, &bob, "/account/email").await;
    let onward = "/login?next=%2Faccount%2Femail";
    assert!(has_link(&codes, onward), "{}", codes.body);
    assert_leads(&bob.get(&app, onward).await, "/account/email");
    assert_page(&bob.get(&app, "/account/email").await, 200);
}

#[actix_web::test]
async fn person_without_a_required_factor_logs_out() {
    let mut setup = Setup::new();
    setup.auth.second_factor = SecondFactorPolicy::Required;
    let app = setup.start().await;
    let bob = Visitor::default();
    bob.post(&app, "/register", &BOB).await;
    assert_page(&bob.get(&app, "/logout").await, 200);
    assert_leads(
        &bob.post(&app, "/logout", &[]).await,
        "/login?reason=logged_out",
    );
    assert_eq!(bob.cookie("session_id"), None);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[actix_web::test]
async fn link_of_the_mail_takes_the_account_back(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let app = Setup {
        place: std::rc::Rc::new(place),
        ..with_mails()
    };
    let app = app.start().await;
    let thief = Visitor::default();
    thief.post(&app, "/register", &BOB).await;
    set_up(&app, &thief, "").await;
    let mut mail = app.mails.next_to("bob@x.fr");
    while !mail.subject.contains("second factor was added") {
        mail = app.mails.next_to("bob@x.fr");
    }
    let link = "https://app.example.org/undo#token=";
    assert!(mail.text.contains(link), "{}", mail.text);
    let token = token_of(&mail);

    let bob = Visitor::default();
    assert_page(&bob.get(&app, "/undo").await, 403);
    let followed = bob.get(&app, &format!("/undo?token={token}")).await;
    assert_leads(&followed, "/undo");
    let page = bob.get(&app, "/undo").await;
    assert_page(&page, 200);
    assert!(page.body.contains("Take my account back"), "{}", page.body);
    // A GET changes nothing.
    assert_page(&thief.get(&app, "/account").await, 200);
    assert_leads(&bob.post(&app, "/undo", &[]).await, "/undo?done=1");
    assert!(
        bob.get(&app, "/undo?done=1")
            .await
            .body
            .contains("You have your account back")
    );
    assert_eq!(thief.get(&app, "/account").await.status.as_u16(), 303);
    let used = bob.get(&app, &format!("/undo?token={token}")).await;
    assert_leads(&used, "/undo");
    assert_page(&bob.post(&app, "/undo", &[]).await, 403);
    // The password of the thief is invalid, and no code is asked for after the reset.
    assert_page(&thief.post(&app, "/login", &BOB).await, 401);
    let reset = token_of(&app.mails.next_to("bob@x.fr"));
    let body = format!("reset_token={reset}&new_password=new");
    let set = app.form(Method::PUT, "/reset_password", body).await;
    assert_eq!(set.status.as_u16(), 200, "{}", set.body);
    let form = [BOB[0], ("password", "new")];
    assert_leads(&bob.post(&app, "/login", &form).await, "/account");
    let page = bob.get(&app, PAGE).await;
    assert!(page.body.contains("Account taken back"), "{}", page.body);
    assert!(page.body.contains("not set up"), "{}", page.body);
}
