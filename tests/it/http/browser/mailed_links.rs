//! The pages of `examples/pages`, opened by the links of mails.

use std::fs;
use std::path::Path;
use std::time::Duration;

use super::{Pages, open};
use crate::http::pages::chromium::Chromium;
use crate::support::program::Server;
use crate::support::{Place, eventually};
use reqwest::blocking::Client;

const RESET: &str = include_str!("../../../../examples/pages/reset.html");
const VERIFY: &str = include_str!("../../../../examples/pages/verify.html");

/// The actions of a person on the page, and what the page shows afterwards.
const PERSON: &str = r#"<script type="module">
  for (const [name, value] of Object.entries(FIELDS)) form()[name].value = value;
  function form() { return document.querySelector("form"); }
  const status = document.querySelector("[role=status]");
  new MutationObserver(() => fetch("/report", {
    method: "POST",
    body: [status.textContent, location.hash, form().hidden].join("\n"),
  })).observe(status, { childList: true });
  if (PRESSES) form().requestSubmit();
  else fetch("/report", { method: "POST", body: "looked" });
</script>"#;

fn page(source: &str, server: &Server, fields: &str, presses: bool) -> String {
    let person = PERSON
        .replace("FIELDS", fields)
        .replace("PRESSES", if presses { "true" } else { "false" });
    let page = source.replace("https://login.example.org", &server.url(""));
    page.replace("</html>", &format!("{person}</html>"))
}

/// The link of the only mail in the folder.
fn link(place: &Place, folder: &str) -> String {
    let path = place.path(folder);
    let mails = |path: &Path| -> Vec<String> {
        let entries = fs::read_dir(path).into_iter().flatten();
        let files = entries.map(|entry| entry.unwrap().path());
        let mails = files.filter(|path| path.extension().is_some_and(|e| e == "eml"));
        mails
            .map(|path| fs::read_to_string(path).unwrap())
            .collect()
    };
    eventually("a mail", || mails(&path).len() == 1);
    let mail = mails(&path).remove(0);
    fs::remove_dir_all(path).unwrap();
    let line = mail.lines().find(|line| line.contains("#token="));
    line.expect("a link").trim().to_owned()
}

fn report(pages: &Pages) -> Vec<String> {
    let report = pages.reports.recv_timeout(Duration::from_secs(60));
    let report = report.expect("the page reports within a minute");
    report.lines().map(str::to_owned).collect()
}

#[test]
fn mailed_links_verify_and_reset_in_a_browser() {
    if !Chromium::is_installed() {
        return;
    }
    let place = Place::new();
    let (looking, verifying, resetting) = (Pages::listen(), Pages::listen(), Pages::listen());
    let origins = [&looking, &verifying, &resetting].map(|pages| pages.origin.clone());
    let server = Server::start_with(
        &place,
        &[
            &format!("--allowed-origins={}", origins.join(",")),
            &format!("--verify-page={}/", verifying.origin),
            &format!("--reset-page={}/", resetting.origin),
            "--email-verification=required",
        ],
    );
    let client = Client::new();
    let post = |path: &str, fields: &[(&str, &str)]| {
        let answer = client.post(server.url(path)).form(fields).send();
        answer.unwrap().status().as_u16()
    };
    let bob = [("email", "bob@x.fr"), ("password", "forgotten")];
    assert_eq!(post("/users", &bob), 201);
    let verify_link = link(&place, "mail");

    // Looking at it verifies nothing.
    looking.serve(page(VERIFY, &server, "{}", false));
    let opened = verify_link.replace(&verifying.origin, &looking.origin);
    let window = open(&opened);
    assert_eq!(report(&looking), ["looked"]);
    drop(window);
    let verified = || place.texts("SELECT email_key AS value FROM verified_emails");
    assert_eq!(verified(), [""; 0]);

    verifying.serve(page(VERIFY, &server, "{}", true));
    let window = open(&verify_link);
    let told = "bob@x.fr is the address of your account.";
    assert_eq!(report(&verifying), [told, "", "true"]);
    drop(window);
    assert_eq!(verified(), ["bob@x.fr"]);

    assert_eq!(post("/reset_password", &bob[..1]), 200);
    let reset_link = link(&place, "mail");
    let fields = r#"{ new_password: "remembered" }"#;
    resetting.serve(page(RESET, &server, fields, true));
    let _window = open(&reset_link);
    let told = "The new password is set. You can log in with it.";
    assert_eq!(report(&resetting), [told, "", "true"]);
    assert_eq!(post("/sessions", &bob), 401);
    assert_eq!(
        post("/sessions", &[bob[0], ("password", "remembered")]),
        200
    );
}
