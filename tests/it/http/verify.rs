//! Forward auth: `GET /verify` tells a proxy which user is logged in.

use actix_web::http::Method;
use actix_web::test::TestRequest;

use crate::support::app::{Answer, app};

fn identity(answer: &Answer) -> (&str, &str) {
    let header = |name| answer.header(name).expect("an identity header is missing");
    (header("remote-user"), header("remote-email"))
}

#[actix_web::test]
async fn a_session_is_verified_with_its_users_number_and_email() {
    let app = app().await;
    app.register("eve@dylan.com", "eve_pwd").await;
    app.register("Bob@dylan.com", "bob_pwd").await;
    let id = app.log_in("bob@dylan.com", "bob_pwd").await.session_id();
    let cookie = format!("session_id={id}");
    for method in [Method::GET, Method::HEAD] {
        let answer = app.with_cookie(method, "/verify", &cookie).await;
        assert_eq!(answer.line(), r#"200 {"message":"logged in"}"#);
        assert_eq!(identity(&answer), ("2", "Bob@dylan.com"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    app.log_out(&id).await;
    let answer = app.with_cookie(Method::GET, "/verify", &cookie).await;
    assert_eq!(answer.line(), r#"401 {"message":"not logged in"}"#);
    assert_eq!(identity(&answer), ("", ""));
}

#[actix_web::test]
async fn without_a_session_verify_is_401_with_empty_identity() {
    let app = app().await;
    for cookie in [
        "",
        "session_id=WrongSessionId",
        "session_id=0e5fa0f4-5bf5-4b5c-8f87-a9d3f3a4a0a1",
    ] {
        let answer = app.with_cookie(Method::GET, "/verify", cookie).await;
        assert_eq!(answer.line(), r#"401 {"message":"not logged in"}"#);
        assert_eq!(identity(&answer), ("", ""), "{cookie}");
        assert_eq!(answer.header("www-authenticate"), None);
    }
}

#[actix_web::test]
async fn identity_headers_of_a_client_are_not_echoed() {
    let app = app().await;
    let request = TestRequest::get()
        .uri("/verify")
        .insert_header(("Remote-User", "1"))
        .insert_header(("Remote-Email", "root@example.org"));
    assert_eq!(identity(&app.send(request).await), ("", ""));
}

#[actix_web::test]
async fn email_header_is_ascii_and_unambiguous() {
    let app = app().await;
    for (email, header) in [
        ("Zoë@Example.ORG", "Zo%C3%AB@Example.ORG"),
        ("Zo%C3%AB@example.org", "Zo%25C3%25AB@example.org"),
        ("a,\"b\"+c'd@x.fr", "a%2C\"b\"+c'd@x.fr"),
        ("愛@例え.jp", "%E6%84%9B@%E4%BE%8B%E3%81%88.jp"),
    ] {
        assert_eq!(app.register(email, "pwd").await.status, 201, "{email}");
        let id = app.log_in(email, "pwd").await.session_id();
        let cookie = format!("session_id={id}");
        let answer = app.with_cookie(Method::GET, "/verify", &cookie).await;
        assert_eq!(identity(&answer).1, header);
    }
}

/// An adopted address may be of any shape, also one that would end a header and begin another.
#[actix_web::test]
async fn control_characters_in_an_address_inject_no_header() {
    let app = app().await;
    app.register("bob@x.fr", "pwd").await;
    let id = app.log_in("bob@x.fr", "pwd").await.session_id();
    app.place.sql(
        "UPDATE users SET email = 'b' || char(13, 10) || 'Remote-User: 1' || char(127) || ' '",
    );
    let cookie = format!("session_id={id}");
    let answer = app.with_cookie(Method::GET, "/verify", &cookie).await;
    let expected = ("1", "b%0D%0ARemote-User:%201%7F%20");
    assert_eq!(identity(&answer), expected);
}

#[actix_web::test]
async fn verify_fails_closed_when_the_database_fails() {
    let app = app().await;
    app.register("bob@x.fr", "pwd").await;
    let id = app.log_in("bob@x.fr", "pwd").await.session_id();
    app.place.sql("DROP TABLE sessions");
    let cookie = format!("session_id={id}");
    let answer = app.with_cookie(Method::GET, "/verify", &cookie).await;
    assert_eq!(answer.status.as_u16(), 500);
    assert_eq!(identity(&answer), ("", ""));
}

#[actix_web::test]
async fn l12_options_identifies_as_get_does() {
    let app = app().await;
    let answer = app.with_cookie(Method::OPTIONS, "/verify", "").await;
    assert_eq!(answer.status.as_u16(), 401);
    assert_eq!(identity(&answer), ("", ""));
    app.register("bob@dylan.com", "bob_pwd").await;
    let id = app.log_in("bob@dylan.com", "bob_pwd").await.session_id();
    let cookie = format!("session_id={id}");
    let answer = app.with_cookie(Method::OPTIONS, "/verify", &cookie).await;
    assert_eq!(answer.status.as_u16(), 200);
    assert_eq!(identity(&answer), ("1", "bob@dylan.com"));
}

#[actix_web::test]
async fn verify_accepts_get_head_and_options_only() {
    let app = app().await;
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
        let request = TestRequest::with_uri("/verify").method(method);
        let answer = app.send(request).await;
        assert_eq!(answer.status.as_u16(), 405);
        assert_eq!(answer.header("allow"), Some("GET, HEAD, OPTIONS"));
    }
}

#[actix_web::test]
async fn refusal_names_the_login_page_and_the_original_path() {
    let app = app().await;
    for (uri, location) in [
        (None, "/login"),
        (
            Some("/things?a=b&c=d"),
            "/login?next=/things%3Fa%3Db%26c%3Dd",
        ),
        (Some("//evil.example"), "/login"),
    ] {
        let mut request = TestRequest::get().uri("/verify");
        if let Some(uri) = uri {
            request = request.insert_header(("X-Forwarded-Uri", uri));
        }
        let answer = app.send(request).await;
        assert_eq!(answer.status.as_u16(), 401);
        assert_eq!(answer.header("location"), Some(location));
    }
}
