//! The whole life of an account in Chromium, with JavaScript and without.

use std::fs;

use rstest::rstest;

use super::chromium::Chromium;
use crate::support::program::Server;
use crate::support::{Engine, Place, eventually};

/// The link of the newest mail in the folder whose link has that path.
pub(super) fn mailed_link(place: &Place, path: &str) -> String {
    let found = || {
        let mails = fs::read_dir(place.path("mail")).ok()?;
        let mails = mails.map(|mail| mail.unwrap().path());
        let mut links = mails.filter_map(|mail| {
            let mail = fs::read_to_string(mail).ok()?;
            let mut lines = mail.lines();
            lines
                .find(|line| line.contains(path))
                .map(|line| line.trim().to_owned())
        });
        links.next()
    };
    eventually("a mail", || found().is_some());
    found().unwrap()
}

#[rstest]
#[case(Engine::Sqlite, "en", 1280, false)]
#[case(Engine::Postgres, "fr", 360, true)]
#[ignore = "long"]
#[case(Engine::Sqlite, "fr", 360, false)]
#[ignore = "long"]
#[case(Engine::Sqlite, "en", 1280, true)]
fn account_lives_in_a_browser(
    #[case] engine: Engine,
    #[case] language: &str,
    #[case] width: u32,
    #[case] scripts: bool,
) {
    if !Chromium::is_installed() {
        return;
    }
    if scripts && std::env::var_os("TEST_AXE").is_none() {
        eprintln!("SKIPPED: axe-core, because TEST_AXE does not name its script");
    }
    let Some(place) = Place::on(engine) else {
        return;
    };
    let database = format!("--database-url={}", place.url_text());
    let server = Server::start_with(&place, &[&database, "--password-min-length=8"]);
    let mut browser = Chromium::open(language, width, scripts);
    let see = |browser: &mut Chromium, name: &str, english: &str, french: &str| {
        let expected = if language == "fr" { french } else { english };
        let text = browser.text();
        assert!(text.contains(expected), "{name}: {expected}: {text}");
        assert!(!browser.overflows(), "{name}");
        if scripts {
            assert_eq!(browser.violations(), [""; 0], "{name}");
        }
        browser.picture(&format!("{name}-{language}-{width}"));
    };

    browser.go(&server.url("/"));
    browser.expect_path("/login");
    see(
        &mut browser,
        "login",
        "Forgot your password?",
        "Mot de passe oublié",
    );
    browser.go(&server.url("/register"));
    browser.fill("email", "ann@");
    browser.fill("password", "short");
    browser.submit("/register");
    see(&mut browser, "register-wrong", "too short", "trop court");
    browser.fill("email", "ann@example.org");
    browser.fill("password", "eleven rockets");
    browser.submit("/register");
    browser.expect_path("/account");
    see(
        &mut browser,
        "account",
        "ann@example.org",
        "ann@example.org",
    );
    browser.go(&server.url("/account/sessions"));
    see(&mut browser, "sessions", "this device", "cet appareil");
    browser.go(&server.url("/account/password"));
    browser.fill("current_password", "wrong one");
    browser.fill("new_password", "twelve rockets");
    browser.submit("/account/password");
    see(
        &mut browser,
        "password-wrong",
        "The password is wrong.",
        "Le mot de passe est incorrect.",
    );
    browser.fill("current_password", "eleven rockets");
    browser.fill("new_password", "twelve rockets");
    browser.submit("/account/password");
    browser.expect_path("/account?done=password");
    browser.go(&server.url("/account/email"));
    see(&mut browser, "email", "ann@example.org", "ann@example.org");
    browser.go(&server.url("/account/export"));
    see(&mut browser, "export", "JSON", "JSON");
    browser.go(&server.url("/logout"));
    see(&mut browser, "logout", "ann@example.org", "ann@example.org");
    browser.go(&server.url("/denied"));
    see(&mut browser, "denied", "no access", "pas accès");
    browser.go(&server.url("/account"));
    browser.submit("/logout");
    browser.expect_path("/login?reason=logged_out");
    see(
        &mut browser,
        "logged-out",
        "You are logged out.",
        "Déconnexion réussie.",
    );

    browser.go(&server.url("/forgot"));
    browser.fill("email", "ann@example.org");
    browser.submit("/forgot");
    see(
        &mut browser,
        "forgot-sent",
        "we have sent it an email",
        "vient de partir",
    );
    browser.go(&server.url("/development/mails"));
    see(
        &mut browser,
        "mails",
        "Only in development mode",
        "Uniquement en mode développement",
    );
    browser.go(&mailed_link(&place, "/reset?token="));
    browser.expect_path("/reset");
    see(&mut browser, "reset", "At least 8", "Au moins 8");
    browser.fill("new_password", "thirteen rockets");
    browser.submit("/reset");
    browser.expect_path("/login?reason=password_reset");
    browser.fill("email", "ann@example.org");
    browser.fill("password", "twelve rockets");
    browser.submit("/login");
    see(&mut browser, "login-wrong", "is wrong", "est incorrect");
    browser.fill("password", "thirteen rockets");
    browser.submit("/login");
    browser.expect_path("/account");
    browser.go(&server.url("/account/delete"));
    see(&mut browser, "delete", "cannot be undone", "irréversible");
    browser.fill("current_password", "thirteen rockets");
    browser.submit("/account/delete");
    browser.expect_path("/login?reason=account_deleted");
    browser.go(&server.url("/nix"));
    see(
        &mut browser,
        "not-found",
        "Page not found",
        "Page introuvable",
    );
}
