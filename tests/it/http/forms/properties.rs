//! Properties of every form, and of every body that is not a form.

use std::cell::Cell;

use actix_web::rt::System;
use bienvenue::domain::Email;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::{Config, TestRunner};
use url::form_urlencoded::Serializer;

use super::{MULTIPART, URL_ENCODED, created, multipart, post, users};
use crate::support::app::{Answer, app};

fn runner(cases: u32) -> TestRunner {
    TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    })
}

/// Encoded by another hand than the one that reads it.
fn encoded(multi: bool, email: &str, password: &str) -> (&'static str, Vec<u8>) {
    if multi {
        return (MULTIPART, multipart(email, password));
    }
    let pairs = [("email", email), ("password", password)];
    let form = Serializer::new(String::new()).extend_pairs(pairs).finish();
    (URL_ENCODED, form.into_bytes())
}

/// One side of an email.
fn side() -> impl Strategy<Value = String> {
    any::<char>()
        .prop_flat_map(|first| vec(prop_oneof![Just(first), Just('a'), Just('+')], 1..20))
        .prop_map(String::from_iter)
        .prop_filter("letters that a new account may have", |side| {
            Email::parse_new(&format!("x{side}x@x")).is_ok()
        })
}

fn password() -> impl Strategy<Value = String> {
    let letter = prop_oneof![
        any::<char>(),
        Just('+'),
        Just('%'),
        Just('\r'),
        Just('\n'),
        Just('-')
    ];
    vec(
        letter.prop_filter("not NUL", |letter| *letter != '\0'),
        1..100,
    )
    .prop_map(String::from_iter)
}

#[test]
fn registered_user_logs_in_with_that_password_only() {
    let system = System::new();
    let app = system.block_on(app());
    let count = Cell::new(0);
    let input = (
        side(),
        side(),
        password(),
        password(),
        any::<(bool, bool)>(),
    );
    let outcome = runner(64).run(&input, |(local, domain, his, another, kinds)| {
        count.set(count.get() + 1);
        let email = format!("{}{local}@{domain}", count.get());
        system.block_on(async {
            let (kind, body) = encoded(kinds.0, &email, &his);
            assert_eq!(app.send(users(kind, body)).await.line(), created(&email));
            let (kind, body) = encoded(kinds.1, &email, &his);
            assert_eq!(app.send(post("/sessions", kind, body)).await.status, 200);
            if another != his {
                let (kind, body) = encoded(kinds.0, &email, &another);
                assert_eq!(app.send(post("/sessions", kind, body)).await.status, 401);
            }
        });
        Ok(())
    });
    outcome.unwrap();
}

/// Bytes without sense, and with bits of sense.
fn soup() -> impl Strategy<Value = Vec<u8>> {
    let crumb = prop_oneof![
        vec(any::<u8>(), 0..40),
        prop_oneof![
            Just("email"),
            Just("password"),
            Just("="),
            Just("&"),
            Just("%"),
            Just("a@x.org"),
            Just("--BoundarY"),
            Just("--"),
            Just("\r"),
            Just("\n"),
            Just("\r\n"),
            Just("\r\n\r\n"),
            Just("Content-Disposition: form-data; name=\"email\"\r\n\r\n"),
            Just("; filename="),
            Just("Content-Length: 9\r\n"),
            Just("\""),
            Just("\\"),
            Just("%00"),
            Just("%ff"),
        ]
        .prop_map(|text| text.as_bytes().to_vec()),
    ];
    vec(crumb, 0..30).prop_map(|crumbs| crumbs.concat())
}

/// No failure of the service, and a message as JSON.
fn is_civil(answer: &Answer) {
    assert!(!answer.status.is_server_error(), "{}", answer.line());
    assert!(answer.json()["message"].is_string(), "{}", answer.line());
    assert_eq!(answer.header("Content-Type"), Some("application/json"));
}

#[test]
fn any_bytes_are_answered_with_a_message_and_never_with_5xx() {
    let system = System::new();
    let app = system.block_on(app());
    let outcome = runner(400).run(&(soup(), any::<bool>()), |(body, multi)| {
        let kind = if multi { MULTIPART } else { URL_ENCODED };
        system.block_on(async {
            is_civil(&app.send(users(kind, body.clone())).await);
            is_civil(&app.send(post("/sessions", kind, body)).await);
        });
        Ok(())
    });
    outcome.unwrap();
}

#[derive(Debug, Clone)]
enum Damage {
    Cut,
    Remove,
    Flip(u8),
    Insert(u8),
}

fn damage() -> impl Strategy<Value = Damage> {
    let byte = || {
        prop_oneof![
            any::<u8>(),
            Just(b'\r'),
            Just(b'\n'),
            Just(b'-'),
            Just(b'"')
        ]
    };
    prop_oneof![
        Just(Damage::Cut),
        Just(Damage::Remove),
        (0..8_u8).prop_map(|bit| Damage::Flip(1 << bit)),
        byte().prop_map(Damage::Insert),
    ]
}

/// The contents of the parts by a reading that knows nothing but boundaries and empty
/// lines; nothing if the body is not closed. The text before the first boundary is not
/// a part, and its end does not matter.
fn contents(body: &[u8]) -> Option<Vec<String>> {
    let body = std::str::from_utf8(body).ok()?;
    let (_, parts) = body.split_once("--BoundarY\r\n")?;
    let body = format!("\r\n--BoundarY\r\n{parts}");
    let (parts, _) = body.split_once("\r\n--BoundarY--")?;
    let parts = parts.split("\r\n--BoundarY\r\n").skip(1);
    parts
        .map(|part| {
            part.split_once("\r\n\r\n")
                .map(|(_, content)| content.to_owned())
        })
        .collect()
}

#[test]
fn damaged_multipart_body_registers_only_its_fields() {
    let system = System::new();
    let app = system.block_on(app());
    let count = Cell::new(0);
    let input = (any::<proptest::sample::Index>(), damage());
    let outcome = runner(800).run(&input, |(place, damage)| {
        count.set(count.get() + 1);
        let mut body = multipart(format!("bob{}@x.org", count.get()), "secret\r\n-- words");
        let at = place.index(body.len());
        match damage {
            Damage::Cut => body.truncate(at),
            Damage::Remove => drop(body.remove(at)),
            Damage::Flip(bit) => body[at] ^= bit,
            Damage::Insert(byte) => body.insert(at, byte),
        }
        system.block_on(async {
            let answer = app.send(users(MULTIPART, body.clone())).await;
            is_civil(&answer);
            if answer.status == 201 {
                let said = contents(&body).unwrap();
                assert_eq!(said.len(), 2);
                assert_eq!(answer.json()["email"], said[0].trim());
                assert_eq!(app.log_in(&said[0], &said[1]).await.status, 200);
            }
        });
        Ok(())
    });
    outcome.unwrap();
}
