//! Passkeys: registration, logins with one alone or as second factor, and what is refused.

mod account;
mod attackers;
mod audit;
mod chromium;
mod disabled;
mod fido2;
mod login;
mod program;
mod second_factor;
mod undo;
mod vectors;
mod verify;

use std::process::Command;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use bienvenue::auth::RelyingParty;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::support::app::{Answer, App, Setup};
use crate::support::authenticator::Authenticator;
use crate::support::{Engine, PYTHON, Place, has_python_module};

const BOB: &str = "bob@x.fr";
const PASSWORD: &str = "bob_pwd";

/// A service at `http://localhost`, where passkeys can be used.
fn setup() -> Setup {
    with_host(Setup::new())
}

/// The same on an engine; none where it is missing.
fn setup_on(engine: Engine) -> Option<Setup> {
    Some(with_host(Setup::at(Place::on(engine)?)))
}

fn with_host(mut setup: Setup) -> Setup {
    setup.auth.relying_party = RelyingParty::new("http://localhost", "localhost");
    setup
}

/// The objects that a script prints, one a line; none without python-fido2, which it uses.
fn made_by_python<T: DeserializeOwned>(script: &str, arguments: &[&str]) -> Option<Vec<T>> {
    if !has_python_module("fido2", "python3-fido2") {
        return None;
    }
    let mut python = Command::new(PYTHON);
    let output = python.args(["-c", script]).args(arguments).output();
    let output = output.unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{error}");
    let lines = output.stdout.split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.is_empty());
    let objects = lines.map(|line| serde_json::from_slice(line).unwrap());
    Some(objects.collect())
}

impl App {
    /// Registers Bob and logs him in.
    async fn new_bob(&self) -> String {
        self.register(BOB, PASSWORD).await;
        self.log_in(BOB, PASSWORD).await.session_id()
    }

    /// The options of a new passkey, for the user of a session.
    async fn passkey_options(&self, session_id: &str) -> Value {
        let body = format!("current_password={PASSWORD}");
        let options = self.as_user(session_id, Method::POST, "/account/passkeys/options", body);
        let options = options.await;
        assert_eq!(options.status.as_u16(), 200, "{}", options.body);
        options.json()
    }

    async fn send_passkey(&self, session_id: &str, credential: &str, name: &str) -> Answer {
        let body = format!("credential={}&name={name}", encoded(credential));
        self.as_user(session_id, Method::POST, "/account/passkeys", body)
            .await
    }

    /// Adds a passkey to the account of a session.
    async fn add_passkey(&self, session_id: &str, authenticator: &mut Authenticator) -> Answer {
        let options = self.passkey_options(session_id).await;
        let credential = authenticator.register(&options);
        let added = self.send_passkey(session_id, &credential, "phone").await;
        assert_eq!(added.status.as_u16(), 201, "{}", added.body);
        added
    }

    /// The options of a login by passkey alone.
    async fn login_options(&self) -> Value {
        let options = self.form(Method::POST, "/sessions/passkey/options", "");
        let options = options.await;
        assert_eq!(options.status.as_u16(), 200, "{}", options.body);
        options.json()
    }

    async fn send_login(&self, credential: &str) -> Answer {
        let body = format!("credential={}", encoded(credential));
        self.form(Method::POST, "/sessions/passkey", body).await
    }

    /// A login by passkey alone.
    async fn log_in_by(&self, authenticator: &Authenticator) -> Answer {
        let options = self.login_options().await;
        self.send_login(&authenticator.sign(&options)).await
    }

    /// A form of a client that has given the right password.
    async fn pending(&self, cookie: &str, path: &str, body: String) -> Answer {
        let request = TestRequest::post()
            .uri(path)
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .insert_header(("Cookie", cookie))
            .set_payload(body);
        self.send(request).await
    }

    /// Gives the password and returns the login cookie.
    async fn password_step(&self) -> String {
        let first = self.log_in(BOB, PASSWORD).await;
        assert_eq!(code_of(&first), "second_factor_required", "{}", first.body);
        let cookies = first.headers("set-cookie");
        let cookie = cookies.iter().find(|cookie| cookie.starts_with("login="));
        cookie.unwrap().split(';').next().unwrap().to_owned()
    }

    /// The second step of a login by passkey.
    async fn passkey_step(&self, cookie: &str, authenticator: &Authenticator) -> Answer {
        let options = self.pending(cookie, "/sessions/second_factor/options", String::new());
        let options = options.await;
        assert_eq!(options.status.as_u16(), 200, "{}", options.body);
        let credential = encoded(&authenticator.sign(&options.json()));
        let body = format!("credential={credential}");
        self.pending(cookie, "/sessions/second_factor", body).await
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn code_of(answer: &Answer) -> &str {
    answer.header("bienvenue-error").unwrap_or_default()
}
