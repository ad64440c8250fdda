//! Requests that pages of other origins let a browser send, and CORS.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use bienvenue::domain::Origin;
use url::Url;

use crate::support::app::{Answer, App, Setup, fields};

const REFUSED: &str =
    r#"403 {"message":"cross-origin request refused: add this origin to --allowed-origins"}"#;
const APP: &str = "https://app.example.org";
const BOB: (&str, &str) = ("bob@x.fr", "bob_pwd");

fn origin(text: &str) -> Origin {
    Origin::of(&Url::parse(text).unwrap()).unwrap()
}

/// The service on `http://x.fr`, or on that public origin, with those front ends.
async fn service(public: Option<&str>, allowed: &[&str]) -> App {
    let mut setup = Setup::new();
    setup.http.public_origin = public.map(origin);
    setup.http.allowed_origins = allowed.iter().map(|text| origin(text)).collect();
    setup.start().await
}

fn request(method: &Method, path: &str, headers: &[(&str, &str)]) -> TestRequest {
    let request = TestRequest::with_uri(path)
        .method(method.clone())
        .insert_header(("Host", "x.fr"));
    headers
        .iter()
        .fold(request, |request, header| request.append_header(*header))
}

/// Whether an unsafe request with these headers gets as far as the routes. No verb and no
/// path makes a difference.
async fn passes(app: &App, headers: &[(&str, &str)]) -> bool {
    let mut passed = Vec::new();
    for (method, path) in [
        (Method::POST, "/users"),
        (Method::POST, "/sessions/"),
        (Method::DELETE, "/sessions"),
        (Method::PUT, "/profile"),
        (Method::from_bytes(b"BREW").unwrap(), "/"),
        (Method::POST, "/nix"),
    ] {
        let answer = app.send(request(&method, path, headers)).await;
        passed.push(answer.line() != REFUSED);
    }
    assert!(
        passed.iter().all(|one| *one == passed[0]),
        "{headers:?}: {passed:?}"
    );
    passed[0]
}

#[actix_web::test]
async fn r37_cross_origin_requests_with_unsafe_methods_are_refused() {
    let app = service(None, &[]).await;
    for (headers, expected) in [
        // No browser.
        (&[][..], true),
        (&[("Origin", "http://x.fr")], true),
        (
            &[("Origin", "http://x.fr"), ("Sec-Fetch-Site", "same-origin")],
            true,
        ),
        (&[("Sec-Fetch-Site", "same-origin")], true),
        (&[("Sec-Fetch-Site", "none")], true),
        (&[("Sec-Fetch-Site", "same-site")], false),
        (&[("Sec-Fetch-Site", "cross-site")], false),
        (&[("Sec-Fetch-Site", "")], false),
        (
            &[("Sec-Fetch-Site", "none"), ("Sec-Fetch-Site", "cross-site")],
            false,
        ),
        (
            &[("Origin", "http://x.fr"), ("Sec-Fetch-Site", "cross-site")],
            false,
        ),
        (
            &[
                ("Origin", "http://evil.fr"),
                ("Sec-Fetch-Site", "same-origin"),
            ],
            false,
        ),
        (&[("Origin", "http://evil.fr")], false),
        (&[("Origin", "null")], false),
        (&[("Origin", "")], false),
        (&[("Origin", "https://x.fr")], false),
        (&[("Origin", "http://x.fr:5000")], false),
        (&[("Origin", "http://www.x.fr")], false),
        (&[("Origin", "http://x.fr.evil.fr")], false),
        (
            &[("Origin", "http://x.fr"), ("Origin", "http://evil.fr")],
            false,
        ),
        (
            &[("Origin", "http://x.fr"), ("Origin", "http://x.fr")],
            false,
        ),
        // Only the Host header names our own origin, and here are two.
        (&[("Origin", "http://x.fr"), ("Host", "evil.fr")], false),
        (
            &[("Origin", "http://x.fr"), ("X-Forwarded-Host", "evil.fr")],
            true,
        ),
        (
            &[
                ("Origin", "http://evil.fr"),
                ("X-Forwarded-Host", "evil.fr"),
            ],
            false,
        ),
        (
            &[("Origin", "http://evil.fr"), ("Forwarded", "host=evil.fr")],
            false,
        ),
    ] {
        assert_eq!(passes(&app, headers).await, expected, "{headers:?}");
    }
}

#[actix_web::test]
async fn r37_behind_a_public_url_its_origin_is_the_only_one() {
    let app = service(Some("https://login.example.org"), &[]).await;
    for (origin, expected) in [
        ("https://login.example.org", true),
        ("http://login.example.org", false),
        ("https://login.example.org:443", false),
        ("https://example.org", false),
        ("http://x.fr", false),
    ] {
        assert_eq!(
            passes(&app, &[("Origin", origin)]).await,
            expected,
            "{origin}"
        );
    }
}

#[actix_web::test]
async fn r37_an_allowed_front_end_is_on_another_origin_and_passes() {
    let app = service(None, &[APP]).await;
    for site in ["same-site", "cross-site", "same-origin"] {
        let headers = [("Origin", APP), ("Sec-Fetch-Site", site)];
        assert!(passes(&app, &headers).await, "{site}");
    }
    for headers in [
        &[("Sec-Fetch-Site", "same-site")][..],
        &[("Origin", "https://www.app.example.org")],
        &[("Origin", "http://app.example.org")],
        &[("Origin", "https://app.example.org:8443")],
    ] {
        assert!(!passes(&app, headers).await, "{headers:?}");
    }
}

#[actix_web::test]
async fn r37_cross_origin_reads_are_allowed_but_not_shared() {
    let app = service(None, &[]).await;
    let evil = [
        ("Origin", "https://evil.fr"),
        ("Sec-Fetch-Site", "cross-site"),
    ];
    for method in [Method::GET, Method::HEAD, Method::OPTIONS] {
        let answer = app.send(request(&method, "/", &evil)).await;
        assert_eq!(answer.status.as_u16(), 200, "{method}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
    }
}

#[actix_web::test]
async fn r37_a_refused_request_has_changed_nothing() {
    let app = service(None, &[]).await;
    app.register(BOB.0, BOB.1).await;
    let id = app.log_in(BOB.0, BOB.1).await.session_id();
    let cookie = format!("session_id={id}");
    let evil = [("Origin", "https://evil.fr"), ("Cookie", &*cookie)];
    let answer = app.send(request(&Method::DELETE, "/sessions", &evil)).await;
    assert_eq!(answer.line(), REFUSED);
    assert_eq!(answer.header("set-cookie"), None);
    // A login that an attacker chooses is refused too.
    let login = request(&Method::POST, "/sessions", &evil)
        .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
        .set_payload(fields(BOB.0, BOB.1));
    assert_eq!(app.send(login).await.line(), REFUSED);
    assert_eq!(app.profile(&id).await.status.as_u16(), 200);
}

fn shared_with(answer: &Answer) -> [Option<&str>; 2] {
    [
        "access-control-allow-origin",
        "access-control-allow-credentials",
    ]
    .map(|name| answer.header(name))
}

#[actix_web::test]
async fn r39_responses_are_shared_with_allowed_origins_only() {
    let app = service(None, &[APP, "http://localhost:3000"]).await;
    for origin in [APP, "http://localhost:3000"] {
        for (method, path, status) in [
            (Method::GET, "/", 200),
            (Method::GET, "/profile", 403),
            (Method::POST, "/users", 415),
            (Method::PUT, "/users", 405),
            (Method::GET, "/nix", 404),
        ] {
            let answer = app
                .send(request(&method, path, &[("Origin", origin)]))
                .await;
            assert_eq!(answer.status.as_u16(), status, "{method} {path}");
            assert_eq!(shared_with(&answer), [Some(origin), Some("true")]);
            assert!(answer.headers("vary").contains(&"Origin"));
            let exposed = answer.header("access-control-expose-headers");
            assert_eq!(exposed, Some("Retry-After, X-Request-Id, Bienvenue-Error"));
        }
    }
    for origin in [
        "https://evil.fr",
        "null",
        "*",
        "https://app.example.org.evil.fr",
    ] {
        for method in [Method::GET, Method::POST, Method::OPTIONS] {
            let headers = [
                ("Origin", origin),
                ("Access-Control-Request-Method", "POST"),
            ];
            let answer = app.send(request(&method, "/users", &headers)).await;
            assert_eq!(shared_with(&answer), [None, None], "{method} {origin}");
            assert_eq!(answer.header("access-control-allow-methods"), None);
            assert!(answer.headers("vary").contains(&"Origin"));
        }
    }
    // A cache keeps apart what was answered without an origin, too.
    let answer = app.send(request(&Method::GET, "/", &[])).await;
    assert!(answer.headers("vary").contains(&"Origin"));
}

#[actix_web::test]
async fn r39_preflight_lists_the_methods_and_headers_of_a_path() {
    let app = service(None, &[APP]).await;
    let preflight = [("Origin", APP), ("Access-Control-Request-Method", "DELETE")];
    let answer = app
        .send(request(&Method::OPTIONS, "/sessions", &preflight))
        .await;
    assert_eq!(answer.line(), "200 ");
    assert_eq!(shared_with(&answer), [Some(APP), Some("true")]);
    for (name, value) in [
        ("allow", "GET, HEAD, POST, DELETE, OPTIONS"),
        (
            "access-control-allow-methods",
            "GET, HEAD, POST, DELETE, OPTIONS",
        ),
        ("access-control-allow-headers", "Content-Type, X-Request-Id"),
        ("access-control-max-age", "600"),
        ("cache-control", "no-store"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(answer.header(name), Some(value));
    }
    assert!(answer.header("x-request-id").is_some());
    for headers in [&[][..], &[("Origin", APP)]] {
        let answer = app
            .send(request(&Method::OPTIONS, "/sessions", headers))
            .await;
        assert_eq!(answer.line(), "200 ");
        assert_eq!(
            answer.header("allow"),
            Some("GET, HEAD, POST, DELETE, OPTIONS")
        );
        assert_eq!(answer.header("access-control-allow-methods"), None);
    }
}
