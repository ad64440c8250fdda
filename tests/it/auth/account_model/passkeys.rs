//! Passkeys in the random lives of accounts.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::model::{Passkey, end};
use super::{Both, PASSWORDS};
use crate::support::app::Answer;
use crate::support::authenticator::Authenticator;

/// How many passkeys an account gets here.
const PASSKEYS: usize = 3;

impl Both {
    /// What the owner of a session shows beside the password; nothing without a factor.
    async fn proof(&mut self, session: &str, owner: Option<usize>) -> String {
        let Some(owner) = owner else {
            return String::new();
        };
        if let Some(secret) = self.secret_of(owner) {
            return format!("&otp={}", self.fresh_code(&secret));
        }
        let Some(passkey) = self.model.accounts[owner].passkeys.last() else {
            return String::new();
        };
        let path = "/account/second_factor/options";
        let options = self.app.as_user(session, Method::POST, path, "").await;
        format!("&{}", signed(&passkey.key, &options))
    }

    pub(super) async fn add_passkey(&mut self, nth: usize, with: usize) {
        self.app.advance(1);
        self.model.now += 1;
        let (session, owner) = self.model.session(nth);
        let has_enough = |owner: usize| self.model.accounts[owner].passkeys.len() >= PASSKEYS;
        if owner.is_some_and(has_enough) {
            return;
        }
        let proof = self.proof(&session, owner).await;
        let asked = self.asked(owner, with);
        let body = format!("current_password={}{proof}", PASSWORDS[with]);
        let path = "/account/passkeys/options";
        let begun = self.app.as_user(&session, Method::POST, path, body).await;
        assert_eq!(begun.status, asked.err().unwrap_or(200), "{}", begun.body);
        let Ok(owner) = asked else { return };
        let mut key = Authenticator::phone();
        let credential = encoded(&key.register(&begun.json()));
        let body = format!("credential={credential}&name=phone");
        let path = "/account/passkeys";
        let added = self.app.as_user(&session, Method::POST, path, body).await;
        assert_eq!(added.status, 201, "{}", added.body);
        if !self.model.accounts[owner].is_guarded() {
            self.new_codes(owner, &added.json());
        }
        let since = self.model.now;
        let passkeys = &mut self.model.accounts[owner].passkeys;
        passkeys.push(Passkey { key, since });
        self.keep(owner, &session);
        self.notified(owner, "second factor was added");
    }

    /// Removes the passkey that was added last.
    pub(super) async fn remove_passkey(&mut self, nth: usize, with: usize) {
        self.app.advance(1);
        self.model.now += 1;
        let (session, owner) = self.model.session(nth);
        let has_none = |owner: usize| self.model.accounts[owner].passkeys.is_empty();
        if owner.is_none_or(has_none) {
            return;
        }
        let cookie = format!("session_id={session}");
        let listed = self
            .app
            .with_cookie(Method::GET, "/account/passkeys", &cookie)
            .await
            .json();
        let id = &listed.as_array().unwrap().last().unwrap()["id"];
        let proof = self.proof(&session, owner).await;
        let asked = self.asked(owner, with);
        let body = format!("current_password={}{proof}", PASSWORDS[with]);
        let path = format!("/account/passkeys/{id}");
        let removed = self.app.as_user(&session, Method::DELETE, &path, body);
        let removed = removed.await;
        assert_eq!(
            removed.status,
            asked.err().unwrap_or(200),
            "{}",
            removed.body
        );
        let Ok(owner) = asked else { return };
        let account = &mut self.model.accounts[owner];
        let lost = account.passkeys.pop().unwrap();
        account.drop_idle_codes();
        self.model.lost.push(lost.key);
        self.keep(owner, &session);
        self.notified(owner, "was removed");
    }

    /// The body of the second step of a login that waits for it, by passkey.
    pub(super) async fn sign_second_step(&self, owner: usize, cookie: &str) -> String {
        let request = TestRequest::post()
            .uri("/sessions/second_factor/options")
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .insert_header(("Cookie", cookie));
        let options = self.app.send(request).await;
        let passkey = self.model.accounts[owner].passkeys.first().unwrap();
        signed(&passkey.key, &options)
    }

    /// Logs in by passkey alone, which opens a session once.
    pub(super) async fn log_in_by_passkey(&mut self, email: &'static str) {
        let Some(owner) = self.model.owner(email) else {
            return;
        };
        let account = &self.model.accounts[owner];
        let Some(passkey) = account.passkeys.last() else {
            return;
        };
        let is_disabled = account.is_disabled;
        let credential = signed(&passkey.key, &self.login_options().await);
        let opened = self.send_login(credential.clone()).await;
        let expected = if is_disabled { 401 } else { 200 };
        assert_eq!(opened.status, expected, "{}", opened.body);
        if !is_disabled {
            end(&mut self.model.pending, owner);
            self.model.open(opened.session_id(), owner);
        }
        let again = self.send_login(credential).await;
        assert_eq!(again.status, 401, "a challenge is valid once");
    }

    /// A passkey that was removed opens nothing.
    pub(super) async fn log_in_by_lost_passkey(&self, nth: usize) {
        let Some(key) = self.model.lost.iter().rev().nth(nth) else {
            return;
        };
        let credential = signed(key, &self.login_options().await);
        let refused = self.send_login(credential).await;
        assert_eq!(refused.status, 401, "{}", refused.body);
    }

    async fn login_options(&self) -> Answer {
        // Rate limits are not tested here.
        self.app.place.sql("DELETE FROM throttle");
        self.app
            .form(Method::POST, "/sessions/passkey/options", "")
            .await
    }

    async fn send_login(&self, credential: String) -> Answer {
        self.app
            .form(Method::POST, "/sessions/passkey", credential)
            .await
    }
}

/// The field with what an authenticator signs for options.
fn signed(key: &Authenticator, options: &Answer) -> String {
    assert_eq!(options.status, 200, "{}", options.body);
    format!("credential={}", encoded(&key.sign(&options.json())))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
