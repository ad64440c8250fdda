//! The states of pages that the other tests do not open in Chromium: second factors, passkeys,
//! invitations, links of emails, refusals. With `TEST_AXE` axe-core checks each.

use std::net::TcpListener;
use std::time::SystemTime;

use rstest::rstest;
use serde_json::json;
use totp_rs::{Builder, Secret};

use super::chromium::Chromium;
use super::life::mailed_link;
use crate::support::Place;
use crate::support::program::{Server, finish, program, told};

pub(super) const PASSWORD: &str = "eleven rockets";
const FACTOR: &str = "/account/second-factor";

/// A service at a host name, which passkeys need, and a browser with an authenticator in it.
pub(super) struct Desk {
    pub(super) place: Place,
    server: Server,
    pub(super) browser: Chromium,
    language: &'static str,
    width: u32,
}

impl Desk {
    pub(super) fn open(language: &'static str, width: u32) -> Self {
        Self::open_with(language, width, &[])
    }

    /// In English, in a browser that runs no scripts.
    pub(super) fn open_without_scripts() -> Self {
        let mut desk = Self::open("en", 360);
        let parameters = json!({"value": true});
        desk.browser
            .call("Emulation.setScriptExecutionDisabled", parameters);
        desk
    }

    /// The same with further arguments of the program.
    pub(super) fn open_with(language: &'static str, width: u32, more: &[&str]) -> Self {
        let place = Place::new();
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = port.local_addr().unwrap();
        drop(port);
        let public = format!("--public-url=http://localhost:{}", address.port());
        let arguments = [
            &*format!("--bind={address}"),
            &public,
            "--password-min-length=8",
        ];
        let mut command = program(place.folder(), &arguments);
        command.args(more).env("BIENVENUE_BCRYPT_COST", "4");
        let server = Server::spawn(command);
        let mut browser = Chromium::open(language, width, true);
        browser.call("WebAuthn.enable", json!({}));
        let options = json!({
            "protocol": "ctap2", "transport": "usb", "automaticPresenceSimulation": true,
        });
        browser.call(
            "WebAuthn.addVirtualAuthenticator",
            json!({"options": options}),
        );
        Self {
            place,
            server,
            browser,
            language,
            width,
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        let (_, port) = self.server.address.rsplit_once(':').unwrap();
        format!("http://localhost:{port}{path}")
    }

    pub(super) fn go(&mut self, path: &str) {
        let url = self.url(path);
        self.browser.go(&url);
    }

    /// Fills fields in, and sends the form.
    pub(super) fn send(&mut self, action: &str, fields: &[(&str, &str)]) {
        for (field, text) in fields {
            self.browser.fill(field, text);
        }
        self.browser.submit(action);
    }

    /// Expects a text on the page, no scroll bar below it, and no violation.
    pub(super) fn see(&mut self, name: &str, english: &str, french: &str) {
        let expected = if self.language == "fr" {
            french
        } else {
            english
        };
        let text = self.browser.text();
        assert!(text.contains(expected), "{name}: {expected}: {text}");
        assert!(!self.browser.overflows(), "{name}");
        assert_eq!(self.browser.violations(), [""; 0], "{name}");
        let name = format!("{name}-{}-{}", self.language, self.width);
        self.browser.picture(&name);
    }

    /// Opens a page and looks at it.
    pub(super) fn look(&mut self, path: &str, name: &str, english: &str, french: &str) {
        self.go(path);
        self.see(name, english, french);
    }

    /// Registers a user, who is logged in then.
    pub(super) fn register(&mut self, email: &str) {
        self.go("/register");
        self.send("/register", &[("email", email), ("password", PASSWORD)]);
        self.browser.expect_path("/account");
    }

    pub(super) fn operator(&self, arguments: &[&str]) -> String {
        let public = format!("--public-url={}", self.url(""));
        let output = finish(program(
            self.place.folder(),
            &[arguments, &[&public]].concat(),
        ));
        assert!(output.status.success(), "{arguments:?}: {}", told(&output));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Opens the link of an email, on the host of this browser.
    fn follow(&mut self, path: &str) {
        let link = mailed_link(&self.place, path);
        let (_, rest) = link.split_once(path).unwrap();
        self.go(&format!("{path}{rest}"));
    }

    pub(super) fn log_out(&mut self) {
        self.go("/logout");
        self.browser.submit("/logout");
    }

    pub(super) fn log_in(&mut self, email: &str) {
        self.go("/login");
        self.send("/login", &[("email", email), ("password", PASSWORD)]);
    }
}

/// The code of an app at the present time.
fn code(secret: &str) -> String {
    let secret = Secret::try_from_base32(secret).unwrap();
    let totp = Builder::new().with_secret(secret).build().unwrap();
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    totp.generate(now).to_string()
}

pub(super) fn says_skipped() {
    if std::env::var_os("TEST_AXE").is_none() {
        eprintln!("SKIPPED: axe-core, because TEST_AXE does not name its script");
    }
}

#[rstest]
#[case("fr", 360)]
#[ignore = "long"]
#[case("en", 1280)]
fn second_factor_pages_stand_in_each_state(#[case] language: &'static str, #[case] width: u32) {
    if !Chromium::is_installed() {
        return;
    }
    says_skipped();
    let mut desk = Desk::open(language, width);
    desk.register("ann@example.org");
    desk.look(
        FACTOR,
        "second-factor-none",
        "Authenticator app",
        "Application",
    );
    let app = "/account/second-factor/app";
    desk.look(
        app,
        "second-factor-password",
        "Current password",
        "Mot de passe actuel",
    );
    desk.send(app, &[("current_password", "wrong one")]);
    desk.see("second-factor-password-wrong", "is wrong", "est incorrect");
    desk.send(app, &[("current_password", PASSWORD)]);
    desk.see("second-factor-app", "Code of your", "Code de votre");
    let secret = desk
        .browser
        .run("return document.querySelector('[name=secret]').value");
    let secret = secret.as_str().unwrap().to_owned();
    let confirm = "/account/second-factor/app/code";
    desk.send(confirm, &[("otp", "000000")]);
    desk.see("second-factor-code-wrong", "Code of your", "Code de votre");
    desk.send(confirm, &[("otp", &code(&secret))]);
    desk.see(
        "recovery-codes",
        "Your recovery codes",
        "Vos codes de secours",
    );
    let first = desk
        .browser
        .run("return document.querySelector('.codes code').textContent");
    let first = first.as_str().unwrap().to_owned();
    desk.look(FACTOR, "second-factor-on", "10", "10");
    let remove = "/account/second-factor/remove";
    desk.look(
        remove,
        "second-factor-remove",
        "Code of your",
        "Code de votre",
    );
    let by_code = format!("{remove}?recovery=1");
    desk.look(
        &by_code,
        "second-factor-remove-code",
        "Recovery code",
        "Code de secours",
    );
    let new_codes = "/account/second-factor/recovery-codes";
    desk.look(
        new_codes,
        "recovery-codes-new",
        "Current password",
        "Mot de passe actuel",
    );
    desk.look(
        "/account",
        "account-with-factor",
        "ann@example.org",
        "ann@example.org",
    );

    desk.log_out();
    desk.log_in("ann@example.org");
    desk.see("login-code", "Code of your", "Code de votre");
    desk.send("/login/code", &[("otp", "000000")]);
    desk.see("login-code-wrong", "Code of your", "Code de votre");
    desk.look(
        "/login/code?recovery=1",
        "login-recovery",
        "Recovery code",
        "Code de secours",
    );
    desk.send("/login/code", &[("recovery_code", &first)]);
    desk.browser.expect_path("/account");
    desk.follow("/undo?token=");
    desk.see("undo", "Take my account back", "Reprendre mon compte");
    desk.look("/account/activity", "activity", "Logged in", "Connexion");
}

#[rstest]
#[case("fr", 360)]
#[ignore = "long"]
#[case("en", 1280)]
fn passkey_pages_stand_in_each_state(#[case] language: &'static str, #[case] width: u32) {
    if !Chromium::is_installed() {
        return;
    }
    says_skipped();
    let mut desk = Desk::open(language, width);
    desk.register("ann@example.org");
    let page = "/account/passkeys";
    desk.look(page, "passkeys-none", "Add a passkey", "Ajouter une clé");
    desk.browser.fill("name", "my key");
    desk.browser.fill("current_password", PASSWORD);
    let add = "document.querySelector('form[data-add] button').click()";
    desk.browser.run(add);
    let shown = "!document.querySelector('[data-codes]').hidden";
    desk.browser.until("the recovery codes", shown);
    desk.see(
        "passkeys-codes",
        "Your recovery codes",
        "Vos codes de secours",
    );
    desk.look(page, "passkeys", "my key", "my key");
    desk.look(
        "/account/passkeys/name?id=1",
        "passkey-name",
        "my key",
        "my key",
    );
    desk.send("/account/passkeys/name", &[("name", "")]);
    desk.see("passkey-name-wrong", "Fill in", "Remplissez");
    desk.send("/account/passkeys/name", &[("name", "my other key")]);
    desk.see("passkeys-renamed", "my other key", "my other key");
    // A long name makes no page wider than the window.
    let (long, name) = ("x".repeat(64), "/account/passkeys/name");
    desk.go(&format!("{name}?id=1"));
    desk.send(name, &[("name", &long)]);
    desk.see("passkeys-long-name", &long, &long);
    let remove = "/account/passkeys/remove?id=1";
    desk.look(remove, "passkey-remove", &long, &long);
    let wrong = [
        ("current_password", "wrong one"),
        ("recovery_code", "abcd-efgh"),
    ];
    desk.send("/account/passkeys/remove", &wrong);
    desk.see("passkey-remove-wrong", "is wrong", "est incorrect");
    desk.log_out();
    desk.log_in("ann@example.org");
    desk.see("login-code-passkey", "passkey", "clé d’accès");
}

#[rstest]
#[case("fr", 360)]
#[ignore = "long"]
#[case("en", 1280)]
fn pages_of_links_stand_in_each_state(#[case] language: &'static str, #[case] width: u32) {
    if !Chromium::is_installed() {
        return;
    }
    says_skipped();
    let mut desk = Desk::open(language, width);
    desk.look(
        "/forgot",
        "forgot",
        "Email address",
        "Adresse e\u{2011}mail",
    );
    let nowhere = "token=00000000-0000-4000-8000-000000000000";
    for (path, name) in [
        ("/reset", "reset"),
        ("/verify-email", "verify"),
        ("/undo", "undo"),
        ("/invite", "invite"),
    ] {
        desk.look(path, &format!("{name}-without-link"), "link", "lien");
        desk.go(&format!("{path}?{nowhere}"));
        desk.see(&format!("{name}-unknown"), "", "");
    }
    desk.look("/docs", "docs", "API", "API");
    desk.look(
        "/login?next=%2Faccount%2Fexport",
        "login-next",
        "Log in",
        "Connexion",
    );

    let invited = desk.operator(&["invite", "eve@example.org"]);
    let (_, rest) = invited.split_once("/invite?token=").unwrap();
    let token = rest.split_whitespace().next().unwrap().to_owned();
    desk.go(&format!("/invite?token={token}"));
    desk.see("invite", "Create", "Créer");
    desk.send("/invite", &[("password", "short")]);
    desk.see("invite-wrong", "too short", "trop court");

    desk.register("ann@example.org");
    desk.go("/account/email");
    desk.send(
        "/account/email",
        &[("new_email", "bob@"), ("current_password", "")],
    );
    desk.see("email-wrong", "in full", "complète");
    let new = [
        ("new_email", "bob@example.org"),
        ("current_password", PASSWORD),
    ];
    desk.send("/account/email", &new);
    desk.see("email-asked", "is free", "disponible");
    desk.follow("/verify-email?token=");
    desk.see("verify", "Confirm", "Confirmer");
    desk.browser.submit("/verify-email");
    desk.see("verified", "email address", "adresse e\u{2011}mail");

    // Why a session has ended, and a page that is for administrators.
    desk.look("/admin", "admin-refused", "administrator", "administrateur");
    desk.operator(&["session", "revoke", "--all", "--yes"]);
    desk.look(
        "/account",
        "session-ended",
        "by an administrator",
        "par un administrateur",
    );
}
