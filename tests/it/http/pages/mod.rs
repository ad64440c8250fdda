//! Pages for people, as a browser without JavaScript uses them.

mod account;
mod activity;
mod admin;
mod apps;
mod bytes;
pub(crate) mod chromium;
mod development_mails;
mod errors;
mod frame;
mod invite;
mod life;
mod login;
mod mailed_links;
mod navigation;
mod pictures;
mod refusals;
mod register;
mod second_factor;
mod session_end;
mod states;
mod text_browsers;
mod texts;
mod uniform;
pub(crate) mod visitor;

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use actix_web::http::Method;
use actix_web::test::TestRequest;

use crate::support::app::{Answer, Setup};

/// The header that browsers send when their user opens a page.
pub(crate) const ACCEPT: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// A service over which a test's mails can be read.
pub(crate) fn with_mails() -> Setup {
    Setup {
        sends_mails: true,
        ..Setup::new()
    }
}

/// A request of a browser whose user follows a link or sends a form.
pub(crate) fn navigation(method: Method, path: &str) -> TestRequest {
    TestRequest::with_uri(path)
        .method(method)
        .insert_header(("Accept", ACCEPT))
        .insert_header(("Sec-Fetch-Mode", "navigate"))
        .insert_header(("Sec-Fetch-Site", "same-origin"))
}

/// Asserts that an answer is a whole page that a browser treats as one.
pub(crate) fn assert_page(answer: &Answer, status: u16) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.body);
    assert_eq!(
        answer.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    assert!(answer.body.starts_with("<!DOCTYPE html>"));
    assert!(answer.body.ends_with("</html>"), "{}", answer.body);
    record(&answer.body);
}

/// Writes a page to a file, if `TEST_PAGES` names a folder for it: for html-validate.
fn record(page: &str) {
    if let Some(folder) = std::env::var_os("TEST_PAGES") {
        let mut hasher = DefaultHasher::new();
        page.hash(&mut hasher);
        let name = format!("{:016x}.html", hasher.finish());
        std::fs::write(Path::new(&folder).join(name), page).unwrap();
    }
}

/// Asserts a redirect that makes the browser get another page.
pub(crate) fn assert_leads(answer: &Answer, location: &str) {
    assert_eq!(answer.status.as_u16(), 303, "{}", answer.body);
    assert_eq!(answer.header("location"), Some(location));
    assert_eq!(answer.body, "");
}
