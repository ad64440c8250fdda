//! Which paths of an application need no login.

use rstest::rstest;

use super::front::{Front, Kind};
use super::{ask, values};
use crate::support::Place;
use crate::support::program::Server;

#[rstest]
fn pages_and_files_before_the_login_are_public(#[values(Kind::Nginx, Kind::Caddy)] kind: Kind) {
    let place = Place::new();
    let server = Server::start(&place);
    let Some(front) = Front::of(kind, &server) else {
        return;
    };
    for target in [
        "/login?next=/things%3Fa%3Db",
        "/signup",
        "/forgot",
        "/reset?lang=en",
        "/verify",
        "/static/app.css",
        "/static/fonts/a.woff2?v=1",
        "/favicon.ico",
        "/robots.txt",
    ] {
        let lie = "Remote-User: 7\r\nRemote-Email: root@example.org\r\nRemote-Auth-Level: 2\r\n";
        let answer = ask(&front, target, lie);
        assert!(answer.starts_with("http/1.1 200 "), "{target}: {answer}");
        // The application got the request as the client sent it, and no identity.
        let line = format!("\r\nget {} http/1.", target.to_lowercase());
        assert!(answer.contains(&line), "{target}: {answer}");
        for name in ["remote-user", "remote-email", "remote-auth-level"] {
            assert_eq!(values(&answer, name), [""; 0], "{target}: {answer}");
        }
    }
}

#[rstest]
fn no_other_spelling_makes_a_page_public(#[values(Kind::Nginx, Kind::Caddy)] kind: Kind) {
    let place = Place::new();
    let server = Server::start(&place);
    let Some(front) = Front::of(kind, &server) else {
        return;
    };
    for target in [
        "/static/../secret",
        "/static/%2e%2e/secret",
        "/static/..%2fsecret",
        "/static/%2E%2E%2Fsecret",
        "/login/../secret",
        "/secret?/login",
        "/secret?x=/static/",
        "/login/secret",
        "/loginx",
        "/xlogin",
        "/secret/login",
        "/secret/static/app.css",
        "/static",
        "/faviconxico",
        "/robots.txt/secret",
    ] {
        let answer = ask(&front, target, "");
        assert!(answer.starts_with("http/1.1 303 "), "{target}: {answer}");
    }
}
