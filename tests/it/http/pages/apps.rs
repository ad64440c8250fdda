//! A login for an application on another host, and a login with a second factor.

use actix_web::http::Method;
use bienvenue::auth::login_next;
use bienvenue::domain::{AppUrl, LoginState, Origin};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::visitor::Visitor;
use super::{assert_leads, assert_page};
use crate::support::app::app;

const BOB: [(&str, &str); 2] = [("email", "bob@x.fr"), ("password", "bob_pwd")];

fn wiki(path: &str) -> String {
    let origin = Origin::of_app("https://wiki.example.org").unwrap();
    let url = AppUrl::asked(origin, path.as_bytes());
    login_next(&url, &LoginState::generate()).to_string()
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

#[actix_web::test]
async fn r98_r99_login_opens_a_registered_application_with_a_code() {
    let app = app().await;
    app.place
        .sql("INSERT INTO apps (name, origin) VALUES ('wiki', 'https://wiki.example.org')");
    app.register("bob@x.fr", "bob_pwd").await;
    let bob = Visitor::default();
    let next = wiki("/page?a=b");
    let page = bob
        .get(&app, &format!("/login?next={}", encoded(&next)))
        .await;
    assert_page(&page, 200);
    let policy = page.header("content-security-policy").unwrap();
    assert!(
        policy.ends_with("form-action 'self' https://wiki.example.org"),
        "{policy}"
    );
    let form = [BOB[0], BOB[1], ("next", next.as_str())];
    let answer = bob.post(&app, "/login", &form).await;
    let location = answer.header("location").unwrap();
    let enter = "https://wiki.example.org/.bienvenue/enter?code=";
    assert!(location.starts_with(enter), "{location}");
    assert!(location.ends_with("&next=/page?a=b"), "{location}");
    // A user who is logged in continues without a form.
    let again = bob
        .get(&app, &format!("/login?next={}", encoded(&next)))
        .await;
    assert!(again.header("location").unwrap().starts_with(enter));
    assert_ne!(again.header("location"), answer.header("location"));
}

#[actix_web::test]
async fn r98_host_without_an_application_is_never_led_to() {
    let app = app().await;
    app.register("bob@x.fr", "bob_pwd").await;
    for next in [wiki("/page"), "https://evil.example/".to_owned()] {
        let form = [BOB[0], BOB[1], ("next", next.as_str())];
        let answer = Visitor::default().post(&app, "/login", &form).await;
        assert_leads(&answer, "/account");
        let answer = Visitor::default().post(&app, "/logout", &form).await;
        assert_leads(&answer, "/login?reason=logged_out");
        let path = format!("/login?next={}", encoded(&next));
        let page = Visitor::default().get(&app, &path).await;
        assert!(!page.body.contains("example.org"), "{}", page.body);
        assert!(
            !page
                .header("content-security-policy")
                .unwrap()
                .contains("https:")
        );
    }
}

/// Names that look like that of an application, and spellings that browsers read as its name.
#[actix_web::test]
async fn r98_look_alike_of_an_application_is_never_led_to() {
    let app = app().await;
    app.place
        .sql("INSERT INTO apps (name, origin) VALUES ('wiki', 'https://wiki.example.org')");
    app.register("bob@x.fr", "bob_pwd").await;
    let own = "https://wiki.example.org/";
    let mut accepted = 0;
    for host in [
        "wiki.example.org",
        "wiki.ex\u{430}mple.org",
        "w\u{456}ki.example.org",
        "wiki.example.\u{43e}rg",
        "xn--wki-8cd.example.org",
        "wik\u{131}.example.org",
        "wiki\u{2024}example.org",
        "wiki\u{3002}example.org",
        "wiki\u{ff0e}example.org",
        "\u{ff57}iki.example.org",
        "wiki\u{ad}.example.org",
        "wiki\u{200b}.example.org",
        "wiki.example.org\u{2044}.evil.example",
        "wiki.example.org\u{ff0f}.evil.example",
        "wiki.example.org\u{2100}.evil.example",
        "wiki.example.org.evil.example",
        "wiki.example.org@evil.example",
        "wiki.example.org%40evil.example",
        "wiki.example.org%2f.evil.example",
        "wiki.example.org%252f.evil.example",
        "evil.example\\@wiki.example.org",
        "wiki.example.org.",
        "wiki.example.org:444",
    ] {
        let next = format!("https://{host}/page");
        let form = [BOB[0], BOB[1], ("next", next.as_str())];
        let answer = Visitor::default().post(&app, "/login", &form).await;
        let location = answer.header("location").unwrap();
        let is_own = location.starts_with(own);
        assert!(is_own || location == "/account", "{host}: {location}");
        accepted += usize::from(is_own);
    }
    assert!(accepted >= 1, "the application itself is led to");
}

#[actix_web::test]
async fn r96_second_factor_is_asked_for_by_the_page() {
    let app = app().await;
    app.register("bob@x.fr", "bob_pwd").await;
    let session = app.log_in("bob@x.fr", "bob_pwd").await.session_id();
    let body = "current_password=bob_pwd";
    let begun = app
        .as_user(&session, Method::POST, "/account/totp", body)
        .await;
    let secret = begun.json()["secret"].as_str().unwrap().to_owned();
    let code = || {
        let secret = totp_rs::Secret::try_from_base32(&secret).unwrap();
        let totp = totp_rs::Builder::new().with_secret(secret).build().unwrap();
        let now = u64::try_from(app.clock.now().seconds()).unwrap();
        totp.generate(now).to_string()
    };
    let body = format!("otp={}", code());
    let confirmed = app
        .as_user(&session, Method::PUT, "/account/totp", body)
        .await;
    let recovery = confirmed.json()["recovery_codes"][0]
        .as_str()
        .unwrap()
        .to_owned();
    app.advance(30);

    let bob = Visitor::default();
    let form = [BOB[0], BOB[1], ("next", "/things"), ("keep", "on")];
    let answer = bob.post(&app, "/login", &form).await;
    assert_leads(&answer, "/login/code?keep=on&next=%2Fthings");
    assert_eq!(bob.cookie("session_id"), None);
    let page = bob.get(&app, "/login/code?keep=on&next=%2Fthings").await;
    assert_page(&page, 200);
    for part in [
        "autocomplete=\"one-time-code\"",
        "inputmode=\"numeric\"",
        "name=\"keep\"",
    ] {
        assert!(page.body.contains(part), "{part}: {}", page.body);
    }
    assert_page(&bob.post(&app, "/login/code", &[]).await, 400);
    let wrong = bob.post(&app, "/login/code", &[("otp", "000000")]).await;
    assert_page(&wrong, 401);
    assert_eq!(bob.cookie("session_id"), None);
    let form = [("otp", &*code()), ("next", "/things"), ("keep", "on")];
    let answer = bob.post(&app, "/login/code", &form).await;
    assert_leads(&answer, "/things");
    let cookies = answer.headers("set-cookie").concat();
    assert!(
        cookies.contains("session_id=") && cookies.contains("Max-Age=604800"),
        "{cookies}"
    );
    assert_eq!(bob.cookie("login"), None);
    assert_page(&bob.get(&app, "/account").await, 200);

    let other = Visitor::default();
    other.post(&app, "/login", &BOB).await;
    let page = other.get(&app, "/login/code?recovery=1").await;
    assert!(page.body.contains("Recovery code"));
    let form = [("recovery_code", recovery.as_str()), ("recovery", "1")];
    assert_leads(&other.post(&app, "/login/code", &form).await, "/account");
    // Without the first step there is no second one.
    let stranger = Visitor::default();
    let answer = stranger
        .post(&app, "/login/code", &[("otp", &code())])
        .await;
    assert_leads(&answer, "/login?reason=login_expired");
    assert_leads(
        &stranger.get(&app, "/login/code").await,
        "/login?reason=login_expired",
    );
}
