//! Which public URL lets the login forms of an application in.

use reqwest::blocking::Client;
use rstest::rstest;

use super::front::{Front, Kind, first_comment};
use crate::support::guide::{Machine, blocks, section};
use crate::support::program::Server;

const ORIGIN: &str = "https://app.example.org";
const FORM: [(&str, &str); 2] = [("email", "bob@x.fr"), ("password", "correct horse battery")];

/// Posts a form as a browser does from a page on the application's own origin.
fn post(browser: &Client, front: &Front, path: &str) -> u16 {
    let request = browser.post(front.url(path)).form(&FORM);
    let request = request
        .header("Origin", ORIGIN)
        .header("Sec-Fetch-Site", "same-origin");
    request.send().unwrap().status().as_u16()
}

#[rstest]
fn guide_sets_the_public_url_to_the_applications_origin(
    #[values(Kind::Nginx, Kind::Caddy)] kind: Kind,
) {
    let machine = Machine::new();
    // Steps 2 and 3: the service alone, on its own host. Its origin is another one.
    machine.run(&blocks(section("## 2. The units"), "sh")[0]);
    let mut server = Server::spawn(machine.service());
    let Some(front) = Front::of(kind, &server) else {
        return;
    };
    assert_eq!(post(&front.browser(), &front, "/auth/users"), 403);
    let line = server.wait_for("a cross-origin request from https://app.example.org was refused");
    assert!(line.contains("WARN"), "{line}");
    let step = section("## 5. An application with its own login page on the same host");
    let quoted = blocks(step, "text").remove(0);
    let quoted = quoted.trim().trim_start_matches("WARN ");
    assert!(line.ends_with(quoted), "{line}");
    drop((front, server));

    machine.run(&blocks(step, "sh")[0]);
    let server = Server::spawn(machine.service());
    let front = Front::of(kind, &server).unwrap();
    let browser = front.browser();
    assert_eq!(post(&browser, &front, "/auth/users"), 201);
    assert_eq!(post(&browser, &front, "/auth/sessions"), 200);
}

#[test]
fn comments_and_guide_name_the_same_public_url() {
    let setting = format!("BIENVENUE_PUBLIC_URL={ORIGIN}");
    for kind in [Kind::Nginx, Kind::Caddy] {
        let comment = first_comment(kind.file()).join(" ");
        assert!(comment.contains(&setting), "{comment}");
    }
    let step = section("## 5. An application with its own login page on the same host");
    assert!(blocks(step, "sh")[0].contains(&setting), "{step}");
}
