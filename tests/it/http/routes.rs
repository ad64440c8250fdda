//! The responses of the routes, in the process.

use actix_web::http::{Method, StatusCode};
use actix_web::test::TestRequest;
use bienvenue::auth::Registration;

use crate::support::app::{Setup, app};

const BOB: (&str, &str) = ("bob@dylan.com", "bob_pwd");

#[actix_web::test]
async fn the_root_welcomes() {
    let app = app().await;
    let answer = app.send(TestRequest::get().uri("/")).await;
    assert_eq!(answer.line(), r#"200 {"message":"Bienvenue"}"#);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert!(
        answer.body.ends_with('\n'),
        "as the reference service's framework"
    );
}

#[actix_web::test]
async fn a_user_registers_once() {
    let app = app().await;
    let answer = app.register(BOB.0, BOB.1).await;
    assert_eq!(
        answer.line(),
        r#"201 {"email":"bob@dylan.com","message":"user created"}"#
    );
    let answer = app.register(BOB.0, "another").await;
    assert_eq!(
        answer.line(),
        r#"400 {"message":"email already registered"}"#
    );
    let answer = app.register(" BOB@Dylan.COM ", "another").await;
    assert_eq!(
        answer.line(),
        r#"400 {"message":"email already registered"}"#
    );
}

#[actix_web::test]
async fn an_email_is_answered_as_it_was_sent() {
    let app = app().await;
    let answer = app.register(" Zoë@Example.ORG", "x").await;
    assert_eq!(
        answer.line(),
        r#"201 {"email":"Zoë@Example.ORG","message":"user created"}"#
    );
    let session = app.log_in("zoË@example.org", "x").await.session_id();
    let profile = app.profile(&session).await;
    assert_eq!(profile.line(), r#"200 {"email":"Zoë@Example.ORG"}"#);
}

#[actix_web::test]
async fn a_login_gives_a_session_id_and_its_cookie() {
    let app = app().await;
    app.register(BOB.0, BOB.1).await;
    let answer = app.log_in(BOB.0, BOB.1).await;
    assert_eq!(answer.status, StatusCode::OK);
    let id = answer.session_id();
    assert_eq!(answer.body, format!("{{\"session_id\":\"{id}\"}}\n"));
    assert_eq!(
        answer.header("set-cookie").unwrap(),
        format!("session_id={id}; HttpOnly; SameSite=Lax; Path=/")
    );
    assert_eq!(
        app.profile(&id).await.line(),
        r#"200 {"email":"bob@dylan.com"}"#
    );
}

#[actix_web::test]
async fn wrong_password_and_unknown_email_answer_the_same_bytes() {
    let app = app().await;
    app.register(BOB.0, BOB.1).await;
    let wrong = app.log_in(BOB.0, "wrong").await;
    let unknown = app.log_in("unknown@dylan.com", "wrong").await;
    assert_eq!(wrong.line(), r#"401 {"message":"invalid credentials"}"#);
    assert_eq!(wrong.line(), unknown.line());
    assert_eq!(wrong.header("set-cookie"), None);
}

#[actix_web::test]
async fn a_failed_login_changes_nothing() {
    let app = app().await;
    app.register(BOB.0, BOB.1).await;
    let id = app.log_in(BOB.0, BOB.1).await.session_id();
    app.log_in(BOB.0, "wrong").await;
    assert_eq!(app.profile(&id).await.status, StatusCode::OK);
}

#[actix_web::test]
async fn not_logged_in_is_403_without_a_body() {
    let app = app().await;
    for (method, path) in [(Method::GET, "/profile"), (Method::DELETE, "/sessions")] {
        for cookie in ["", "session_id=WrongSessionId", "session_id=", "other=1"] {
            let answer = app.with_cookie(method.clone(), path, cookie).await;
            assert_eq!(answer.line(), "403 ", "{method} {path} {cookie}");
        }
        let unknown = "session_id=0e5fa0f4-5bf5-4b5c-8f87-a9d3f3a4a0a1";
        let answer = app.with_cookie(method, path, unknown).await;
        assert_eq!(answer.line(), "403 ");
    }
}

#[actix_web::test]
async fn r28_a_logout_ends_the_session_and_clears_its_cookie() {
    let app = app().await;
    app.register(BOB.0, BOB.1).await;
    let id = app.log_in(BOB.0, BOB.1).await.session_id();
    let answer = app.log_out(&id).await;
    assert_eq!(answer.line(), "200 {}");
    assert_eq!(
        answer.header("set-cookie").unwrap(),
        "session_id=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0; \
         Expires=Thu, 01 Jan 1970 00:00:00 GMT"
    );
    assert_eq!(app.profile(&id).await.line(), "403 ");
    assert_eq!(app.log_out(&id).await.line(), "403 ");
}

#[actix_web::test]
async fn r34_a_session_id_counts_in_the_cookie_only() {
    let app = app().await;
    app.register(BOB.0, BOB.1).await;
    let id = app.log_in(BOB.0, BOB.1).await.session_id();
    let query = TestRequest::get().uri(&format!("/profile?session_id={id}"));
    assert_eq!(app.send(query).await.line(), "403 ");
    let header = TestRequest::get()
        .uri("/profile")
        .insert_header(("session_id", id.clone()))
        .insert_header(("Authorization", format!("Bearer {id}")));
    assert_eq!(app.send(header).await.line(), "403 ");
    let body = TestRequest::get()
        .uri("/profile")
        .set_payload(format!("session_id={id}"));
    assert_eq!(app.send(body).await.line(), "403 ");
}

#[actix_web::test]
async fn r36_two_session_cookies_count_as_none() {
    let app = app().await;
    app.register(BOB.0, BOB.1).await;
    let id = app.log_in(BOB.0, BOB.1).await.session_id();
    for (cookie, status) in [
        (format!("session_id={id}"), 200),
        (format!("a=b; session_id={id}; c"), 200),
        (format!("=; ;; =x; é=%zz; session_id={id}"), 200),
        (format!("session_id={id}; session_id={id}"), 403),
        (format!("session_id=; session_id={id}"), 403),
        (format!("session_id=\"{id}\""), 403),
        (format!("session_id={}", id.to_uppercase()), 403),
        (format!("Session_id={id}"), 403),
        (format!("session_id={{{id}}}"), 403),
    ] {
        let answer = app.with_cookie(Method::GET, "/profile", &cookie).await;
        assert_eq!(answer.status.as_u16(), status, "{cookie}");
    }
}

#[actix_web::test]
async fn r47_path_accepts_only_its_methods() {
    let app = app().await;
    let paths = [
        ("/", "GET, HEAD, OPTIONS"),
        ("/users", "POST, OPTIONS"),
        ("/sessions", "GET, HEAD, POST, DELETE, OPTIONS"),
        ("/sessions/x", "DELETE, OPTIONS"),
        ("/profile/password", "PUT, OPTIONS"),
        ("/profile/export", "GET, HEAD, OPTIONS"),
        ("/profile", "GET, HEAD, DELETE, OPTIONS"),
    ];
    let verbs = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "CONNECT", "BREW",
    ];
    for (path, allow) in paths {
        let options = TestRequest::with_uri(path).method(Method::OPTIONS);
        let answer = app.send(options).await;
        assert_eq!(
            (answer.line().as_str(), answer.header("allow")),
            ("200 ", Some(allow))
        );
        for verb in verbs {
            let method = Method::from_bytes(verb.as_bytes()).unwrap();
            let answer = app.send(TestRequest::with_uri(path).method(method)).await;
            if allow.split(", ").any(|known| known == verb) {
                assert_ne!(answer.status.as_u16(), 405, "{verb} {path}");
            } else {
                assert_eq!(answer.status.as_u16(), 405, "{verb} {path}");
                assert_eq!(answer.header("allow"), Some(allow));
                assert!(answer.json()["message"].is_string());
            }
        }
    }
}

#[actix_web::test]
async fn r35_r38_behind_https_cookies_are_secure_and_hsts_is_sent() {
    let mut setup = Setup::new();
    setup.http.https = true;
    let app = setup.start().await;
    app.register(BOB.0, BOB.1).await;
    let answer = app.log_in(BOB.0, BOB.1).await;
    let id = answer.session_id();
    assert_eq!(
        answer.header("set-cookie").unwrap(),
        format!("session_id={id}; HttpOnly; SameSite=Lax; Secure; Path=/")
    );
    assert_eq!(
        answer.header("strict-transport-security"),
        Some("max-age=31536000")
    );
    let cleared = app.log_out(&id).await;
    assert!(cleared.header("set-cookie").unwrap().contains("; Secure;"));
}

#[actix_web::test]
async fn registration_can_be_closed() {
    let mut setup = Setup::new();
    setup.auth.accounts.registration = Registration::Closed;
    let app = setup.start().await;
    let answer = app.register(BOB.0, BOB.1).await;
    assert_eq!(answer.line(), r#"403 {"message":"registration is closed"}"#);
}

#[actix_web::test]
async fn r02_minimum_length_counts_characters() {
    let mut setup = Setup::new();
    setup.auth.passwords.password_min_length = 15.into();
    let app = setup.start().await;
    let answer = app.register(BOB.0, "ééééééé").await;
    assert_eq!(
        answer.line(),
        r#"400 {"message":"password is too short: it needs 15 characters or more"}"#
    );
    let answer = app.register(BOB.0, "éàèéàèéàèéàèéàè").await;
    assert_eq!(answer.status, StatusCode::CREATED);
}
