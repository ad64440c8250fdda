//! The bodies of the fuzz targets `form`, `cookies` and `forwarded`, the parsers of client input.
//! Each of them also checks a rule, and panics if the rule is broken.

use std::net::Ipv4Addr;

use actix_web::HttpRequest;
use actix_web::http::header::{CONTENT_TYPE, COOKIE, HeaderValue};
use actix_web::test::TestRequest;
use futures_util::FutureExt;
use serde::Deserialize;
use url::form_urlencoded;

use super::extract::form::{FieldText, Fields, Kind};
use super::extract::forwarded::{ForwardedHeaders, client_address};
use super::extract::session_cookie::SessionCookie;
use crate::domain::{ClientIp, Email, IpNetworks, NormalizedEmail, Password};

/// Parses a form: the first line is its media type, the rest its body. A URL-encoded form must be
/// read as the URL standard reads it.
pub fn form(input: &[u8]) {
    let (media_type, body) = halves(input);
    let Ok(media_type) = HeaderValue::from_bytes(media_type) else {
        return;
    };
    let request = TestRequest::default()
        .insert_header((CONTENT_TYPE, media_type))
        .to_http_request();
    let Some(fields) = fields(&request, body) else {
        return;
    };
    let email = fields.deserialize::<EmailForm>().ok();
    let email = email.map(|form| form.email);
    if matches!(Kind::of(request.headers()), Ok(Kind::UrlEncoded)) {
        let mut named = form_urlencoded::parse(body).filter(|(name, _)| name == "email");
        let expected = named.next().map(|(_, value)| value.into_owned());
        let read = email
            .as_ref()
            .and_then(|email| email.optional().map(str::to_owned));
        assert_eq!(read, expected.filter(|value| !value.is_empty()));
        assert!(named.next().is_none(), "one name, two values");
    }
    if let Some(text) = email.as_ref().and_then(FieldText::optional) {
        drop((
            Email::parse_new(text),
            NormalizedEmail::parse(text),
            Password::parse(text),
        ));
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EmailForm {
    email: FieldText,
}

fn fields(request: &HttpRequest, body: &[u8]) -> Option<Fields> {
    let kind = Kind::of(request.headers()).ok()?;
    let parsed = kind.parse(request.headers(), body).now_or_never();
    assert!(
        parsed.is_some(),
        "a complete body is parsed without waiting"
    );
    parsed?.ok()
}

/// Parses Cookie headers, one per line. With a second session id, there must be none.
pub fn cookies(input: &[u8]) {
    const ANOTHER: &[u8] = b"session_id=6f1b2f0e-4d0a-4ad1-8c1c-0d6f5a1e9b11";
    let read = |lines: &[&[u8]]| {
        let mut request = TestRequest::default();
        for line in lines {
            if let Ok(value) = HeaderValue::from_bytes(line) {
                request = request.append_header((COOKIE, value));
            }
        }
        SessionCookie::read(&request.to_http_request())
    };
    let mut lines: Vec<&[u8]> = input.split(|byte| *byte == b'\n').collect();
    if read(&lines).is_some() {
        lines.push(ANOTHER);
        assert!(read(&lines).is_none(), "two are none");
    }
}

/// Parses forwarding headers of an attacker, to which a trusted proxy adds its client. The result
/// must be this client or the proxy itself, never an address of the attacker's choice. The first
/// line selects the header.
pub fn forwarded(input: &[u8]) {
    let peer = ClientIp::new(Ipv4Addr::LOCALHOST.into());
    let client = ClientIp::new(Ipv4Addr::new(203, 0, 113, 9).into());
    let (which, sent) = halves(input);
    let sent: Vec<&[u8]> = sent.split(|byte| *byte == b'\n').collect();
    let (name, added): (_, &[u8]) = if which == b"forwarded" {
        (true, b"for=203.0.113.9")
    } else {
        (false, b"203.0.113.9")
    };
    let ask = |lines: Vec<&[u8]>| {
        let mut headers = ForwardedHeaders::default();
        if name {
            headers.forwarded = lines;
        } else {
            headers.x_forwarded_for = lines;
        }
        client_address(peer, &headers, &IpNetworks::loopback())
    };
    assert!(
        ask(sent.clone()).is_ok(),
        "one header does not contradict itself"
    );
    let mut with_a_line = sent.clone();
    with_a_line.push(added);
    assert_eq!(ask(with_a_line).ok(), Some(client));
    let Some((last, before)) = sent.split_last() else {
        return;
    };
    let longer = [*last, b", ", added].concat();
    let asks = ask([before, &[&longer]].concat());
    assert!(
        asks == Ok(client) || asks == Ok(peer),
        "{asks:?} is made up"
    );
}

fn halves(input: &[u8]) -> (&[u8], &[u8]) {
    let mut halves = input.splitn(2, |byte| *byte == b'\n');
    let first = halves.next().unwrap_or_default();
    (first, halves.next().unwrap_or_default())
}
