//! The pages that refuse something, in Chromium: errors, limits, closed registration, no access, and
//! the form of an administrator with a passkey. With `TEST_AXE` axe-core checks each.

use rstest::rstest;

use super::chromium::Chromium;
use super::states::{Desk, PASSWORD, says_skipped};
use crate::support::echo::start_application;

const ANN: &str = "ann@example.org";

impl Desk {
    /// Sends a form that no page has, from the page that the window shows.
    fn send_strange(&mut self, action: &str, fields: &str) {
        self.browser.run(&format!(
            "document.title = 'left';
            const form = document.createElement('form');
            form.method = 'post';
            form.action = '{action}';
            form.innerHTML = '{fields}';
            document.body.append(form);
            setTimeout(() => form.submit());"
        ));
        let shown = "document.title != 'left' && document.readyState == 'complete'";
        self.browser.until("the answer", shown);
    }
}

#[rstest]
#[case("fr", 360)]
#[ignore = "long"]
#[case("en", 1280)]
fn refusals_are_pages_in_each_state(#[case] language: &'static str, #[case] width: u32) {
    if !Chromium::is_installed() {
        return;
    }
    says_skipped();
    let mut desk = Desk::open_with(language, width, &["--throttle=on"]);
    desk.register(ANN);
    desk.look("/denied", "denied", "no access", "pas accès");
    desk.look("/nix", "error-404", "Page not found", "Page introuvable");
    let code = "/.bienvenue/enter?code=x";
    desk.look(code, "error-403", "already used", "déjà servi");
    desk.go("/account");
    desk.send_strange("/login", "<input name=email><input name=email>");
    desk.see("error-400", "could not be read", "pas pu être lu");
    desk.go("/account");
    desk.send_strange("/profile", "");
    desk.see(
        "error-405",
        "cannot be used that way",
        "être utilisée ainsi",
    );
    let elsewhere = format!("http://{}/", start_application());
    desk.browser.go(&elsewhere);
    let login = desk.url("/login");
    desk.send_strange(&login, "");
    desk.see("error-other-site", "another website", "d’un autre site");

    // Another program holds the lock of the database.
    let mut lock = desk.place.connect();
    lock.execute("BEGIN IMMEDIATE");
    desk.go("/account/password");
    let new = [("current_password", PASSWORD), ("new_password", PASSWORD)];
    desk.send("/account/password", &new);
    let unavailable = ("not available right now", "momentanément indisponible");
    desk.see("password-503", unavailable.0, unavailable.1);
    desk.go("/logout");
    desk.browser.submit("/logout");
    desk.see("error-503", unavailable.0, unavailable.1);
    lock.execute("ROLLBACK");

    desk.log_out();
    let client = reqwest::blocking::Client::new();
    for number in 0..20 {
        let email = format!("user{number}@example.org");
        let form = [("email", email.as_str()), ("password", "wrong one")];
        let answer = client.post(desk.url("/sessions")).form(&form).send();
        assert_eq!(answer.unwrap().status(), 401);
    }
    // A browser and a network from which Ann has logged in are not slowed down for her.
    desk.log_in("eve@example.org");
    desk.see("login-429", "Too many attempts", "Trop de tentatives");
    let kept = desk
        .browser
        .run("return document.getElementById('email').value");
    assert_eq!(kept, "eve@example.org");
}

#[rstest]
#[case("fr", 360)]
#[ignore = "long"]
#[case("en", 1280)]
fn closed_registration_and_documents_are_pages(#[case] language: &'static str, #[case] width: u32) {
    if !Chromium::is_installed() {
        return;
    }
    says_skipped();
    let mut desk = Desk::open_with(language, width, &["--registration=closed"]);
    desk.look(
        "/register",
        "register-closed",
        "cannot be created",
        "fermée",
    );
    desk.look("/login", "login-closed", "Log in", "Connexion");
    assert!(!desk.browser.text().contains("/register"));
    desk.look("/docs", "docs", "The HTTP API", "L’API HTTP");
    desk.browser
        .run("document.querySelector('main section a').click()");
    let shown = "location.search.startsWith('?section=') && document.readyState == 'complete'";
    desk.browser.until("a section", shown);
    desk.see("docs-section", "All sections", "Toutes les sections");
}

#[rstest]
#[case("fr", 360)]
#[ignore = "long"]
#[case("en", 1280)]
fn form_of_an_administrator_with_a_passkey_is_a_page(
    #[case] language: &'static str,
    #[case] width: u32,
) {
    if !Chromium::is_installed() {
        return;
    }
    says_skipped();
    let mut desk = Desk::open(language, width);
    desk.register(ANN);
    desk.go("/account/passkeys");
    desk.browser.fill("name", "my key");
    desk.browser.fill("current_password", "wrong one");
    let add = "document.querySelector('form[data-add] button').click()";
    desk.browser.run(add);
    let failed = "!document.querySelector('[data-failed]').hidden";
    desk.browser.until("the refusal", failed);
    let (english, french) = ("The password is wrong.", "Le mot de passe est incorrect.");
    desk.see("passkeys-wrong-password", english, french);
    desk.browser.fill("current_password", PASSWORD);
    desk.browser.run(add);
    let shown = "!document.querySelector('[data-codes]').hidden";
    desk.browser.until("the recovery codes", shown);
    desk.operator(&["group", "create", "admins"]);
    desk.operator(&["group", "add", "admins", ANN]);
    let path = "/admin/users/1/add-to-group";
    let (english, french) = ("Confirm with a passkey", "Confirmer plutôt par une clé");
    desk.look(path, "admin-passkey", english, french);
    // The authenticator cannot verify its user.
    desk.browser
        .run("document.querySelector('form div[data-get] button').click()");
    desk.browser.until("the failure", failed);
    let (english, french) = ("was not used", "n’a pas été utilisée");
    desk.see("admin-passkey-failed", english, french);
}

/// A button that needs the script is not there without it.
#[test]
fn browser_without_scripts_shows_no_button_for_passkeys() {
    if !Chromium::is_installed() {
        return;
    }
    let mut desk = Desk::open_without_scripts();
    let none = "!document.querySelector('[data-get], [data-add], [data-codes]')";
    desk.go("/login");
    desk.browser.until("a page without the button", none);
    let text = desk.browser.text();
    assert!(
        text.contains("Forgot") && !text.contains("passkey"),
        "{text}"
    );
    desk.register(ANN);
    desk.go("/account/passkeys");
    desk.browser.until("a page without the form", none);
    let text = desk.browser.text();
    assert!(text.contains("needs JavaScript"), "{text}");
    assert!(!text.contains("Add a passkey"), "{text}");
}
