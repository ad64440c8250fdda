//! A browser's navigation never ends on JSON, and every other client gets what it always got.

use actix_web::http::Method;
use actix_web::test::TestRequest;

use super::visitor::Visitor;
use super::{ACCEPT, assert_leads, assert_page, navigation};
use crate::support::app::{Setup, app, fields};

const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");

#[actix_web::test]
async fn form_posted_to_the_api_by_a_browser_is_one_to_the_page() {
    let app = app().await;
    let bob = Visitor::default();
    let form = [
        ("email", "bob@x.fr"),
        ("password", "bob_pwd"),
        ("next", "/app"),
    ];
    assert_leads(&bob.post(&app, "/users", &form).await, "/app");
    let page = bob.post(&app, "/users", &form).await;
    assert_page(&page, 400);
    assert!(page.body.contains("action=\"/register\""));
    let eve = Visitor::default();
    let answer = eve.post(&app, "/sessions", &form).await;
    assert_leads(&answer, "/app");
    let wrong = [("email", "bob@x.fr"), ("password", "x")];
    let page = eve.post(&app, "/sessions", &wrong).await;
    assert_page(&page, 401);
    assert!(page.body.contains("action=\"/login\""));
    // With a slash at the end too.
    assert_page(&eve.post(&app, "/sessions/", &wrong).await, 401);
}

#[actix_web::test]
async fn contract_holds_for_every_other_client() {
    let app = app().await;
    let registered = app.register("bob@x.fr", "bob_pwd").await;
    assert_eq!(
        registered.line(),
        r#"201 {"email":"bob@x.fr","message":"user created"}"#
    );
    for mode in ["", "cors", "same-origin", "no-cors", "websocket"] {
        let request = TestRequest::post()
            .uri("/sessions")
            .insert_header(FORM)
            .insert_header(("Accept", ACCEPT))
            .insert_header(("Sec-Fetch-Mode", mode))
            .set_payload(fields("bob@x.fr", "bob_pwd"));
        let answer = app.send(request).await;
        assert_eq!(answer.status, 200, "{mode}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.session_id().len(), 36);
    }
    // Only logins and registrations have pages in their place.
    let reset = navigation(Method::POST, "/reset_password").insert_header(FORM);
    let answer = app.send(reset.set_payload("email=bob@x.fr")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), Some("application/json"));
}

#[actix_web::test]
async fn index_leads_browsers_to_a_page() {
    let app = app().await;
    let bob = Visitor::default();
    let answer = bob.get(&app, "/").await;
    assert_leads(&answer, "/login");
    assert_eq!(answer.header("vary"), Some("Accept"));
    bob.post(
        &app,
        "/register",
        &[("email", "bob@x.fr"), ("password", "bob_pwd")],
    )
    .await;
    assert_leads(&bob.get(&app, "/").await, "/account");
    for accept in ["*/*", "application/json", "text/plain"] {
        let request = TestRequest::with_uri("/").insert_header(("Accept", accept));
        let answer = app.send(request).await;
        assert_eq!(answer.status, 200);
        assert_eq!(answer.body, "{\"message\":\"Bienvenue\"}\n");
        assert_eq!(answer.header("vary"), Some("Accept"));
    }
}

#[actix_web::test]
async fn service_without_pages_has_the_api_alone() {
    let setup = Setup {
        pages: None,
        ..Setup::new()
    };
    let app = setup.start().await;
    let visitor = Visitor::default();
    let answer = visitor.get(&app, "/").await;
    assert_eq!(answer.line(), r#"200 {"message":"Bienvenue"}"#);
    assert_eq!(answer.header("vary"), None);
    for path in ["/login", "/account/password", "/assets/x.css", "/nix"] {
        let answer = visitor.get(&app, path).await;
        assert_eq!(answer.line(), r#"404 {"message":"not found"}"#);
    }
    let form = [("email", "bob@x.fr"), ("password", "bob_pwd")];
    assert_eq!(visitor.post(&app, "/users", &form).await.status, 201);
    assert_eq!(visitor.get(&app, "/account").await.line(), "403 ");
}

#[actix_web::test]
async fn browser_that_opens_a_path_of_the_api_is_led_to_a_page() {
    let app = app().await;
    let cases = [
        ("/profile", "/account"),
        ("/profile/", "/account"),
        ("/profile/password", "/account/password"),
        ("/profile/email", "/account/email"),
        ("/profile/export", "/account/export"),
        ("/profile/activity", "/account/activity"),
        ("/sessions", "/account/sessions"),
        ("/users", "/register"),
        ("/reset_password", "/forgot"),
        ("/verify_email", "/verify-email"),
    ];
    for (path, page) in cases {
        for method in [Method::GET, Method::HEAD] {
            let answer = app.send(navigation(method, path)).await;
            assert_leads(&answer, page);
        }
        for (accept, mode) in [("*/*", "navigate"), (ACCEPT, "cors"), (ACCEPT, "")] {
            let request = TestRequest::with_uri(path)
                .insert_header(("Accept", accept))
                .insert_header(("Sec-Fetch-Mode", mode));
            let answer = app.send(request).await;
            assert!([403, 405].contains(&answer.status.as_u16()), "{path}");
            assert_eq!(answer.header("location"), None, "{path}");
        }
    }
    let setup = Setup {
        pages: None,
        ..Setup::new()
    };
    let app = setup.start().await;
    let answer = app.send(navigation(Method::GET, "/profile")).await;
    assert_eq!(answer.line(), "403 ");
}
