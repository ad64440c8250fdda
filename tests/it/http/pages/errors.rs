//! Errors as pages and as problems (RFC 9457).

use actix_web::http::Method;
use actix_web::test::TestRequest;
use bienvenue::auth::ThrottleSettings;
use serde_json::json;

use super::{assert_page, navigation};
use crate::support::app::{Setup, app, fields, quick};

#[actix_web::test]
async fn error_of_a_navigation_is_a_page() {
    let app = app().await;
    for (method, path, status, code) in [
        (Method::GET, "/nix", 404, "not_found"),
        (Method::GET, "/.bienvenue/enter", 403, "invalid_code"),
        (Method::PUT, "/users", 405, "method_not_allowed"),
        (Method::POST, "/profile", 405, "method_not_allowed"),
        (Method::POST, "/login", 415, "unsupported_media_type"),
        (Method::GET, "/assets/nix.css", 404, "not_found"),
    ] {
        let answer = app.send(navigation(method, path)).await;
        assert_page(&answer, status);
        assert_eq!(answer.header("bienvenue-error"), Some(code), "{path}");
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.contains("style-src 'self'"), "{policy}");
    }
    let answer = app.send(navigation(Method::PUT, "/users")).await;
    assert_eq!(answer.header("allow"), Some("POST, OPTIONS"));
    let french = navigation(Method::GET, "/nix").insert_header(("Accept-Language", "fr"));
    assert!(
        app.send(french)
            .await
            .body
            .contains("<h1>Page introuvable</h1>")
    );
}

#[actix_web::test]
async fn r37_form_of_another_site_is_refused_by_a_page() {
    let app = app().await;
    app.register("bob@x.fr", "bob_pwd").await;
    for path in [
        "/login",
        "/sessions",
        "/register",
        "/logout",
        "/account/delete",
    ] {
        let request = TestRequest::post()
            .uri(path)
            .insert_header(("Accept", super::ACCEPT))
            .insert_header(("Sec-Fetch-Mode", "navigate"))
            .insert_header(("Sec-Fetch-Site", "cross-site"))
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .set_payload(fields("bob@x.fr", "bob_pwd"));
        let answer = app.send(request).await;
        assert_page(&answer, 403);
        assert_eq!(answer.header("bienvenue-error"), Some("cross_origin"));
        assert_eq!(answer.header("set-cookie"), None);
    }
}

#[actix_web::test]
async fn broken_form_is_refused_by_a_page() {
    let app = app().await;
    for (body, status) in [("email=%ff", 400), ("email=a&email=b", 400)] {
        let request = navigation(Method::POST, "/login")
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .set_payload(body);
        assert_page(&app.send(request).await, status);
    }
    let large = navigation(Method::POST, "/login")
        .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
        .set_payload("x".repeat(20_000));
    assert_page(&app.send(large).await, 413);
}

#[actix_web::test]
async fn problem_is_answered_on_request() {
    let mut setup = Setup::new();
    setup.auth = quick();
    setup.auth.passwords.password_min_length = 8.into();
    setup.auth.throttle = ThrottleSettings::default();
    let app = setup.start().await;
    let ask = |method, path: &str, body: String| {
        TestRequest::with_uri(path)
            .method(method)
            .insert_header(("Accept", "application/problem+json"))
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .set_payload(body)
    };
    let answer = app
        .send(ask(Method::POST, "/users", "email=bob@x.fr".into()))
        .await;
    assert_eq!(answer.status, 400);
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json")
    );
    assert_eq!(
        answer.json(),
        json!({
            "type": "about:blank",
            "title": "Bad Request",
            "status": 400,
            "detail": "password missing",
            "code": "missing_field",
            "field": "password",
            "errors": [{"field": "password", "code": "missing_field", "detail": "password missing"}],
        })
    );
    let short = ask(Method::POST, "/users", fields("bob@x.fr", "short"));
    let problem = app.send(short).await.json();
    assert_eq!(problem["code"], "password_too_short");
    assert_eq!(problem["field"], "password");
    let taken = || {
        ask(
            Method::POST,
            "/users",
            fields("bob@x.fr", "a long enough one"),
        )
    };
    app.send(taken()).await;
    assert_eq!(app.send(taken()).await.json()["field"], "email");
    // The empty 403 has a body for a client that asks for it.
    let problem = app.send(ask(Method::GET, "/profile", String::new())).await;
    assert_eq!(problem.json()["code"], "not_logged_in");
    assert_eq!(problem.json()["detail"], serde_json::Value::Null);
    let problem = app.send(ask(Method::GET, "/nix", String::new())).await;
    assert_eq!(problem.json()["status"], 404);
    for _ in 0..5 {
        app.send(ask(Method::POST, "/sessions", fields("eve@x.fr", "x")))
            .await;
    }
    let answer = app
        .send(ask(Method::POST, "/sessions", fields("eve@x.fr", "x")))
        .await;
    assert_eq!(answer.status, 429);
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert_eq!(answer.json()["retry_after"], wait);
    // A success is no problem.
    let answer = app.send(ask(Method::GET, "/", String::new())).await;
    assert_eq!(answer.header("content-type"), Some("application/json"));
}
