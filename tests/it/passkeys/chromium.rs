//! Passkeys in Chromium, with the virtual authenticators of its development tools.

use std::net::TcpListener;

use serde_json::{Value, json};

use crate::http::pages::chromium::Chromium;
use crate::support::Place;
use crate::support::echo::start_application;
use crate::support::program::{Server, finish, program};

const ADD: &str = "
    const proof = await (await fetch('/account/passkeys/options', {method: 'POST',
        body: new URLSearchParams({current_password: 'bob_pwd'})})).json();
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(proof);
    const made = JSON.stringify(await navigator.credentials.create({publicKey}));
    const added = await fetch('/account/passkeys', {method: 'POST',
        body: new URLSearchParams({credential: made, name: 'key'})});
    return added.status;";

/// Logs in with the options of a path, at another one, and sends the answer as often as asked.
fn log_in(options: &str, path: &str, times: u32) -> String {
    format!(
        "const options = await (await fetch('{options}', {{method: 'POST',
            body: new URLSearchParams()}})).json();
        const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
        const credential = JSON.stringify(await navigator.credentials.get({{publicKey}}));
        let last;
        for (let time = 0; time < {times}; time++) {{
            last = await fetch('{path}', {{method: 'POST',
                body: new URLSearchParams({{credential}})}});
        }}
        return last.headers.get('bienvenue-error') || last.status;"
    )
}

const PASSWORD: &str = "
    const answer = await fetch('/sessions', {method: 'POST',
        body: new URLSearchParams({email: 'bob@x.fr', password: 'bob_pwd'})});
    return answer.status;";

/// A service at a host name, and a browser in front of it in which Bob is logged in.
struct Desk {
    server: Server,
    browser: Chromium,
}

impl Desk {
    fn open(place: &Place) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = port.local_addr().unwrap();
        drop(port);
        let public = format!("--public-url=http://localhost:{}", address.port());
        let bind = format!("--bind={address}");
        let mut command = program(place.folder(), &[&bind, &public]);
        command.env("BIENVENUE_BCRYPT_COST", "4");
        let server = Server::spawn(command);
        let mut browser = Chromium::open("en", 1280, true);
        browser.call("WebAuthn.enable", json!({}));
        let mut desk = Self { server, browser };
        desk.go("/login");
        let registered = desk.browser.run(
            "const answer = await fetch('/users', {method: 'POST',
                body: new URLSearchParams({email: 'bob@x.fr', password: 'bob_pwd'})});
            return answer.status;",
        );
        assert_eq!(registered, 201);
        assert_eq!(desk.browser.run(PASSWORD), 200);
        desk
    }

    fn go(&mut self, path: &str) {
        let (_, port) = self.server.address.rsplit_once(':').unwrap();
        self.browser.go(&format!("http://localhost:{port}{path}"));
    }

    /// Plugs an authenticator in. Returns its number.
    fn plug(&mut self, transport: &str, verifies: bool) -> Value {
        let options = json!({
            "protocol": "ctap2", "transport": transport, "hasResidentKey": verifies,
            "hasUserVerification": verifies, "isUserVerified": verifies,
            "automaticPresenceSimulation": true,
        });
        let parameters = json!({"options": options});
        let added = self
            .browser
            .call("WebAuthn.addVirtualAuthenticator", parameters);
        added["authenticatorId"].clone()
    }

    fn authenticator(&mut self, method: &str, id: &Value, mut parameters: Value) -> Value {
        parameters["authenticatorId"] = id.clone();
        self.browser.call(&format!("WebAuthn.{method}"), parameters)
    }

    fn alone(&mut self, times: u32) -> Value {
        let script = log_in("/sessions/passkey/options", "/sessions/passkey", times);
        self.browser.run(&script)
    }

    fn second(&mut self) -> Value {
        assert_eq!(self.browser.run(PASSWORD), 401);
        let path = "/sessions/second_factor";
        let script = log_in(&format!("{path}/options"), path, 1);
        self.browser.run(&script)
    }
}

#[test]
fn platform_authenticator_logs_in_alone() {
    if !Chromium::is_installed() {
        return;
    }
    let place = Place::new();
    let mut desk = Desk::open(&place);
    let phone = desk.plug("internal", true);
    assert_eq!(desk.browser.run(ADD), 201);
    assert_eq!(desk.alone(1), 200);
    assert_eq!(desk.alone(2), "invalid_passkey", "a replayed challenge");
    for bits in [
        json!({"isBogusSignature": true}),
        json!({"isBadUV": true}),
        json!({"isBadUP": true}),
    ] {
        desk.authenticator("setResponseOverrideBits", &phone, bits.clone());
        assert_eq!(desk.alone(1), "invalid_passkey", "{bits}");
    }
    let right = json!({"isBogusSignature": false, "isBadUV": false, "isBadUP": false});
    desk.authenticator("setResponseOverrideBits", &phone, right);
    assert_eq!(desk.alone(1), 200);
    // The browser itself refuses another relying party.
    let refused = desk.browser.run(
        "const options = await (await fetch('/sessions/passkey/options', {method: 'POST',
            body: new URLSearchParams()})).json();
        options.rpId = 'example.org';
        const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options);
        return navigator.credentials.get({publicKey}).catch((error) => error.name);",
    );
    assert_eq!(refused, "SecurityError");
}

/// A page at another port of the host may ask for its passkeys: the browser writes its origin into
/// what the authenticator signs.
#[test]
fn passkey_used_at_another_origin_does_not_log_in() {
    if !Chromium::is_installed() {
        return;
    }
    let place = Place::new();
    let mut desk = Desk::open(&place);
    desk.plug("internal", true);
    assert_eq!(desk.browser.run(ADD), 201);
    // The login page would use the passkey by itself.
    desk.go("/account/passkeys");
    let elsewhere = start_application().replace("127.0.0.1", "localhost");
    for (page, expected) in [
        (None, json!(200)),
        (Some(elsewhere), json!("invalid_passkey")),
    ] {
        let options = desk.browser.run(
            "return (await fetch('/sessions/passkey/options', {method: 'POST',
                body: new URLSearchParams()})).json();",
        );
        if let Some(page) = page {
            desk.browser.go(&format!("http://{page}/"));
        }
        let credential = desk.browser.run(&format!(
            "const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON({options});
            return JSON.stringify(await navigator.credentials.get({{publicKey}}));"
        ));
        desk.go("/account/passkeys");
        let answer = desk.browser.run(&format!(
            "const answer = await fetch('/sessions/passkey', {{method: 'POST',
                body: new URLSearchParams({{credential: {credential}}})}});
            return answer.headers.get('bienvenue-error') || answer.status;"
        ));
        assert_eq!(answer, expected);
    }
}

#[test]
fn roaming_authenticator_is_a_factor_and_its_copy_is_not() {
    if !Chromium::is_installed() {
        return;
    }
    let place = Place::new();
    let mut desk = Desk::open(&place);
    let key = desk.plug("usb", false);
    assert_eq!(desk.browser.run(ADD), 201);
    assert_eq!(desk.second(), 200);
    let credentials = desk.authenticator("getCredentials", &key, json!({}));
    let mut copy = credentials["credentials"][0].clone();
    assert!(copy["signCount"].as_u64().unwrap() > 1, "{copy}");
    let id = copy["credentialId"].clone();
    copy["signCount"] = json!(0);
    desk.authenticator("removeCredential", &key, json!({"credentialId": id}));
    desk.authenticator("addCredential", &key, json!({"credential": copy}));
    assert_eq!(desk.second(), "invalid_second_factor");
}

#[test]
fn page_adds_a_passkey_and_the_login_page_offers_it() {
    if !Chromium::is_installed() {
        return;
    }
    let place = Place::new();
    let mut desk = Desk::open(&place);
    desk.plug("internal", true);
    desk.go("/account/passkeys");
    desk.browser.fill("name", "my phone");
    desk.browser.fill("current_password", "bob_pwd");
    desk.browser
        .run("document.querySelector('form[data-add] button').click()");
    let shown = "!document.querySelector('[data-codes]').hidden";
    desk.browser.until("the recovery codes", shown);
    let codes = desk
        .browser
        .run("return document.querySelector('[data-codes] pre').textContent");
    assert_eq!(codes.as_str().unwrap().lines().count(), 10);
    desk.browser.picture("passkeys-codes-en-1280");
    desk.go("/account/passkeys");
    assert!(desk.browser.text().contains("my phone"));
    desk.browser.picture("passkeys-en-1280");
    desk.go("/logout");
    desk.browser.submit("/logout");
    // Either the browser offers the passkey by itself, or the button does.
    desk.go("/login");
    let script = "if (location.pathname == '/login') {
            document.querySelector('form[data-autofill] button')?.click();
        }
        location.pathname == '/account' && document.readyState == 'complete'";
    desk.browser.until("the account", script);
    assert!(
        desk.browser.text().contains("bob@x.fr"),
        "{}",
        desk.browser.text()
    );
}

#[test]
fn administrator_confirms_an_act_with_a_passkey() {
    if !Chromium::is_installed() {
        return;
    }
    let place = Place::new();
    let mut desk = Desk::open(&place);
    let phone = desk.plug("internal", true);
    assert_eq!(desk.browser.run(ADD), 201);
    let registered = desk.browser.run(
        "const answer = await fetch('/users', {method: 'POST',
            body: new URLSearchParams({email: 'eve@x.fr', password: 'eve_pwd'})});
        return answer.status;",
    );
    assert_eq!(registered, 201);
    for arguments in [
        ["group", "create", "admins"].as_slice(),
        &["group", "add", "admins", "bob@x.fr"],
    ] {
        assert!(finish(program(place.folder(), arguments)).status.success());
    }
    desk.go("/admin/users/2/add-to-group");
    desk.browser.fill("group", "admins");
    let confirm = "document.querySelector('form div[data-get] button').click()";
    // A gesture that the authenticator refuses is said on the page, and can be repeated.
    let verified = |desk: &mut Desk, is: bool| {
        let parameters = json!({"isUserVerified": is});
        desk.authenticator("setUserVerified", &phone, parameters);
    };
    verified(&mut desk, false);
    desk.browser.run(confirm);
    let failed = "!document.querySelector('[data-failed]').hidden";
    desk.browser.until("the failure", failed);
    verified(&mut desk, true);
    desk.browser.run(confirm);
    let done = "location.pathname == '/admin/users/2' && document.readyState == 'complete'";
    desk.browser.until("the page of the user", done);
    let text = desk.browser.text();
    assert!(text.contains("The user is in the group."), "{text}");
}
