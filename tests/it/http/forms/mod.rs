//! Forms, strictly: through the routes that take them, in the process.

mod multipart;
mod properties;
mod rules;

use std::time::{Duration, Instant};

use actix_web::http::Method;
use actix_web::test::TestRequest;

use crate::support::app::{app, fields};

const URL_ENCODED: &str = "application/x-www-form-urlencoded";
const MULTIPART: &str = "multipart/form-data; boundary=BoundarY";
const MALFORMED: &str = r#"400 {"message":"the multipart form is malformed"}"#;
const NOT_UTF8: &str = r#"400 {"message":"the form is not UTF-8"}"#;
const TOO_LARGE: &str = r#"413 {"message":"the form is larger than 16 KiB"}"#;

fn post(path: &str, content_type: &str, body: impl Into<Vec<u8>>) -> TestRequest {
    TestRequest::with_uri(path)
        .method(Method::POST)
        .insert_header(("Content-Type", content_type))
        .set_payload(body.into())
}

fn users(content_type: &str, body: impl Into<Vec<u8>>) -> TestRequest {
    post("/users", content_type, body)
}

/// A part with the given value of `Content-Disposition`, further headers, and content.
fn part(disposition: &str, headers: &str, content: impl AsRef<[u8]>) -> Vec<u8> {
    let head = format!("--BoundarY\r\nContent-Disposition: {disposition}\r\n{headers}\r\n");
    [head.as_bytes(), content.as_ref(), b"\r\n"].concat()
}

fn field(name: &str, content: impl AsRef<[u8]>) -> Vec<u8> {
    part(&format!("form-data; name=\"{name}\""), "", content)
}

fn closed(parts: &[Vec<u8>]) -> Vec<u8> {
    [parts.concat(), b"--BoundarY--\r\n".to_vec()].concat()
}

fn multipart(email: impl AsRef<[u8]>, password: impl AsRef<[u8]>) -> Vec<u8> {
    closed(&[field("email", email), field("password", password)])
}

fn created(email: &str) -> String {
    let email = serde_json::to_string(email).unwrap();
    format!(r#"201 {{"email":{email},"message":"user created"}}"#)
}

fn refused(message: &str) -> String {
    format!(r#"400 {{"message":"{message}"}}"#)
}

#[actix_web::test]
async fn both_kinds_of_form_are_the_same_to_the_service() {
    let app = app().await;
    let one = app.send(users(URL_ENCODED, fields("a@x.org", "p"))).await;
    let other = app.send(users(MULTIPART, multipart("b@x.org", "p"))).await;
    assert_eq!(one.line(), created("a@x.org"));
    assert_eq!(other.line(), created("b@x.org"));
    let again = app.send(users(MULTIPART, multipart("a@x.org", "p"))).await;
    assert_eq!(again.line(), refused("email already registered"));
    let logged_in = app
        .send(post("/sessions", MULTIPART, multipart("a@x.org", "p")))
        .await;
    assert_eq!(app.profile(&logged_in.session_id()).await.status, 200);
    assert_eq!(app.log_in("b@x.org", "p").await.status, 200);
}

#[actix_web::test]
async fn media_type_has_any_letter_case_and_parameters() {
    let app = app().await;
    for (number, (content_type, multi)) in [
        ("APPLICATION/X-WWW-FORM-URLENCODED", false),
        ("application/x-www-form-urlencoded; charset=UTF-8", false),
        (
            "application/x-www-form-urlencoded;charset=latin1;a=b",
            false,
        ),
        ("  application/x-www-form-urlencoded  ", false),
        ("Multipart/Form-Data; Boundary=BoundarY", true),
        (
            "multipart/form-data; charset=utf-8; boundary=\"BoundarY\"",
            true,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let email = format!("{number}@x.org");
        let body = if multi {
            multipart(&email, "p")
        } else {
            fields(&email, "p").into()
        };
        let answer = app.send(users(content_type, body)).await;
        assert_eq!(answer.line(), created(&email), "{content_type}");
    }
}

#[actix_web::test]
async fn any_other_media_type_is_415() {
    let app = app().await;
    for content_type in [
        "",
        "text/plain",
        "application/json",
        "multipart/mixed; boundary=BoundarY",
        "application/x-www-form-urlencoded2",
        "multipart/form-data2",
        "*/*",
        "form",
        "application/x-www-form-urlencoded, text/plain",
    ] {
        for path in ["/users", "/sessions"] {
            let body = fields("a@x.org", "p");
            let answer = app.send(post(path, content_type, body)).await;
            assert_eq!(answer.status, 415, "{content_type}");
            assert!(answer.json()["message"].is_string());
        }
    }
    let none = TestRequest::with_uri("/users").method(Method::POST);
    assert_eq!(app.send(none).await.status, 415);
    assert_eq!(app.log_in("a@x.org", "p").await.status, 401);
}

#[actix_web::test]
async fn a_compressed_body_is_415() {
    let app = app().await;
    let form = || users(URL_ENCODED, fields("a@x.org", "p"));
    for codings in [
        &["gzip"][..],
        &["br"],
        &["identity", "gzip"],
        &["identity, gzip"],
        &["x"],
    ] {
        let request = codings.iter().fold(form(), |request, coding| {
            request.append_header(("Content-Encoding", *coding))
        });
        assert_eq!(app.send(request).await.status, 415, "{codings:?}");
    }
    let plain = form().insert_header(("Content-Encoding", "Identity"));
    assert_eq!(app.send(plain).await.status, 201);
}

#[actix_web::test]
async fn sixteen_kib_are_taken_and_a_byte_more_is_413() {
    let app = app().await;
    let filled = |size: usize| {
        let body = fields("a@x.org", "p") + "&x=";
        let filling = "y".repeat(size - body.len());
        body + &filling
    };
    let answer = app.send(users(URL_ENCODED, filled(16_385))).await;
    assert_eq!(answer.line(), TOO_LARGE);
    let answer = app.send(users(URL_ENCODED, filled(16_384))).await;
    assert_eq!(answer.line(), created("a@x.org"));
    let large = multipart("b@x.org", "p".repeat(16_384));
    assert_eq!(app.send(users(MULTIPART, large)).await.line(), TOO_LARGE);
}

#[actix_web::test]
async fn content_length_over_the_limit_is_413_without_reading() {
    let app = app().await;
    for length in ["16385", "18446744073709551615"] {
        let request =
            users(URL_ENCODED, fields("a@x.org", "p")).insert_header(("Content-Length", length));
        assert_eq!(app.send(request).await.line(), TOO_LARGE, "{length}");
    }
}

#[actix_web::test]
async fn names_and_values_that_are_not_utf8_are_400() {
    let app = app().await;
    for body in [
        &b"email=\xff@x.org&password=p"[..],
        b"email=a@x.org&password=\xc3",
        b"email=a@x.org&password=%ff",
        b"email=a@x.org&password=%C3",
        b"email=a@x.org&password=%ED%A0%80",
        b"email=a@x.org&password=%c0%80",
        b"email=a@x.org&password=p&\xfe=1",
        b"email=a@x.org&password=p&%fe=1",
    ] {
        let answer = app.send(users(URL_ENCODED, body)).await;
        assert_eq!(answer.line(), NOT_UTF8, "{}", body.escape_ascii());
    }
    let body = multipart("a@x.org", b"\xff");
    assert_eq!(app.send(users(MULTIPART, body)).await.line(), NOT_UTF8);
    let mut name = multipart("a@x.org", "p");
    let at = name.windows(5).position(|text| text == b"email").unwrap();
    name[at] = 0xff;
    assert_eq!(app.send(users(MULTIPART, name)).await.line(), MALFORMED);
    assert_eq!(app.log_in("a@x.org", "p").await.status, 401);
}

#[actix_web::test]
async fn r52_repeated_field_is_400() {
    let app = app().await;
    for body in [
        "email=a@x.org&email=a@x.org&password=p",
        "email=a@x.org&password=p&%65mail=b@x.org",
        "email=a@x.org&password=p&email",
    ] {
        let answer = app.send(users(URL_ENCODED, body)).await;
        assert_eq!(answer.line(), refused("email is given twice"), "{body}");
    }
    let parts = [field("email", "a@x.org"), field("x", "1"), field("x", "1")];
    let answer = app.send(users(MULTIPART, closed(&parts))).await;
    assert_eq!(answer.line(), refused("x is given twice"));
}

#[actix_web::test]
async fn four_times_the_fields_take_about_four_times_as_long() {
    let app = app().await;
    let mut fastest = [Duration::MAX; 2];
    // Comparing each name with each before it takes sixteen times as long. Other programs that run
    // beside the test delay single rounds, so it takes more rounds until the fastest are not delayed.
    let is_proportional = |fastest: [Duration; 2]| fastest[1] < 9 * fastest[0];
    for round in 0..200 {
        if round >= 10 && is_proportional(fastest) {
            break;
        }
        for (fastest, count) in fastest.iter_mut().zip([1_000, 4_000]) {
            let names: Vec<String> = (0..count).map(|number| format!("{number:x}")).collect();
            let request = users(URL_ENCODED, names.join("&"));
            let began = Instant::now();
            let answer = app.send(request).await;
            *fastest = began.elapsed().min(*fastest);
            assert_eq!(answer.line(), refused("email missing"));
        }
    }
    assert!(is_proportional(fastest), "{fastest:?}");
}

#[actix_web::test]
async fn a_url_encoded_form_is_decoded_once() {
    let app = app().await;
    let body = "email=a%2Bb%40x.org&password=%26+%3D%2520+%zz%4%";
    assert_eq!(
        app.send(users(URL_ENCODED, body)).await.line(),
        created("a+b@x.org")
    );
    assert_eq!(app.log_in("a+b@x.org", "& =%20 %zz%4%").await.status, 200);
    let body = "email=b@x.org&password=a=b=c&&";
    assert_eq!(
        app.send(users(URL_ENCODED, body)).await.line(),
        created("b@x.org")
    );
    assert_eq!(app.log_in("b@x.org", "a=b=c").await.status, 200);
}

#[actix_web::test]
async fn r52_the_query_string_supplies_nothing() {
    let app = app().await;
    let path = "/users?email=a@x.org&password=p";
    let answer = app.send(post(path, URL_ENCODED, "")).await;
    assert_eq!(answer.line(), refused("email missing"));
    let answer = app.send(post(path, URL_ENCODED, "email=b@x.org")).await;
    assert_eq!(answer.line(), refused("password missing"));
    let answer = app
        .send(post(path, URL_ENCODED, "email=b@x.org&password=q"))
        .await;
    assert_eq!(answer.line(), created("b@x.org"));
}

#[actix_web::test]
async fn r53_unknown_fields_are_ignored() {
    let app = app().await;
    let body = "id=7&session_id=x&email=a@x.org&Email=c@x.org&password=p&=&&email_key=z";
    assert_eq!(
        app.send(users(URL_ENCODED, body)).await.line(),
        created("a@x.org")
    );
    let body = closed(&[
        field("password", "p"),
        field("", ""),
        field("email", "b@x.org"),
    ]);
    assert_eq!(
        app.send(users(MULTIPART, body)).await.line(),
        created("b@x.org")
    );
}

#[actix_web::test]
async fn a_missing_or_empty_field_is_named_email_first() {
    let app = app().await;
    for (body, missing) in [
        ("", "email"),
        ("password=p", "email"),
        ("email=&password=p", "email"),
        ("email", "email"),
        ("email=", "email"),
        ("email=%20%09", "password"),
        ("email=a@x.org", "password"),
        ("email=a@x.org&password=", "password"),
        ("email=a@x.org&Password=p", "password"),
        ("email=+%09&password=p", "email"),
    ] {
        for path in ["/users", "/sessions"] {
            let answer = app.send(post(path, URL_ENCODED, body)).await;
            assert_eq!(
                answer.line(),
                refused(&format!("{missing} missing")),
                "{path} {body}"
            );
        }
    }
    for (email, password, missing) in [("", "p", "email"), ("a@x.org", "", "password")] {
        let answer = app.send(users(MULTIPART, multipart(email, password))).await;
        assert_eq!(answer.line(), refused(&format!("{missing} missing")));
    }
}
