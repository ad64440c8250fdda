//! Second factors in the random lives of accounts.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use totp_rs::{Builder, Secret};

use super::model::{TotpApp, end, key, latest, same};
use super::{Both, DAY, PASSWORDS};
use crate::support::app::Answer;
use crate::support::email as address;
use crate::support::mailbox::token_of;

impl Both {
    /// The code of a step that was not used yet.
    pub(super) fn fresh_code(&mut self, secret: &str) -> String {
        self.app.advance(30);
        self.model.now += 30;
        let secret = Secret::try_from_base32(secret).unwrap();
        let totp = Builder::new().with_secret(secret).build().unwrap();
        let now = u64::try_from(self.app.clock.now().seconds()).unwrap();
        totp.generate(now).to_string()
    }

    /// The mail about a change, whose token undoes it.
    pub(super) fn notified(&mut self, account: usize, about: &str) {
        let email = self.model.accounts[account].email;
        let mail = self.app.mails.next_to(email);
        assert!(mail.subject.contains(about), "{}", mail.subject);
        let ends = self.model.now + 3 * DAY;
        let mut undo = key(token_of(&mail), account, email, ends);
        undo.since = self.model.now;
        self.model.factor_undos.push(undo);
    }

    /// All sessions of an account end but one, and the logins that wait for a code.
    pub(super) fn keep(&mut self, account: usize, session: &str) {
        end(&mut self.model.sessions, account);
        end(&mut self.model.pending, account);
        let mut sessions = self.model.sessions.iter_mut();
        let kept = sessions.find(|key| key.text == session);
        kept.unwrap().is_good = true;
    }

    /// The account of a session whose owner gives a password again, or the status of the refusal.
    pub(super) fn asked(&self, owner: Option<usize>, with: usize) -> Result<usize, u16> {
        // Rate limits are not tested here.
        self.app.place.sql("DELETE FROM throttle");
        match owner {
            None => Err(403),
            Some(owner) if !self.model.is_right(owner, with) => Err(401),
            Some(owner) => Ok(owner),
        }
    }

    pub(super) async fn set_up_app(&mut self, nth: usize, with: usize) {
        let (session, owner) = self.model.session(nth);
        let asked = self.asked(owner, with);
        let asked = asked.and_then(|owner| match self.model.accounts[owner].app {
            Some(_) => Err(409),
            None => Ok(owner),
        });
        let body = format!("current_password={}", PASSWORDS[with]);
        let begun = self
            .app
            .as_user(&session, Method::POST, "/account/totp", body);
        let begun = begun.await;
        assert_eq!(begun.status.as_u16(), asked.err().unwrap_or(200));
        let Ok(owner) = asked else { return };
        let secret = begun.json()["secret"].as_str().unwrap().to_owned();
        let body = format!("otp={}", self.fresh_code(&secret));
        let confirmed = self
            .app
            .as_user(&session, Method::PUT, "/account/totp", body);
        let confirmed = confirmed.await;
        assert_eq!(confirmed.status.as_u16(), 200, "{}", confirmed.body);
        let since = self.model.now;
        self.model.accounts[owner].app = Some(TotpApp { secret, since });
        self.new_codes(owner, &confirmed.json());
        self.keep(owner, &session);
        self.notified(owner, "second factor was added");
    }

    pub(super) async fn replace_codes(&mut self, nth: usize, with: usize) {
        let (session, owner) = self.model.session(nth);
        let asked = self.asked(owner, with);
        let is_guarded = owner.is_some_and(|owner| self.model.accounts[owner].is_guarded());
        let asked = asked.and_then(|owner| is_guarded.then_some(owner).ok_or(409));
        let body = format!("current_password={}", PASSWORDS[with]);
        let path = "/account/recovery_codes";
        let replaced = self.app.as_user(&session, Method::POST, path, body).await;
        assert_eq!(replaced.status.as_u16(), asked.err().unwrap_or(200));
        let Ok(owner) = asked else { return };
        self.new_codes(owner, &replaced.json());
        self.keep(owner, &session);
        self.notified(owner, "New recovery codes");
    }

    pub(super) async fn remove_app(&mut self, nth: usize, with: usize) {
        let (session, owner) = self.model.session(nth);
        let secret = owner.and_then(|owner| self.secret_of(owner));
        let code = secret.map(|secret| self.fresh_code(&secret));
        let asked = self.asked(owner, with);
        let asked = asked.and_then(|owner| match code {
            Some(_) => Ok(owner),
            None => Err(409),
        });
        let code = code.unwrap_or("000000".to_owned());
        let body = format!("current_password={}&otp={code}", PASSWORDS[with]);
        let path = "/account/totp";
        let removed = self.app.as_user(&session, Method::DELETE, path, body).await;
        assert_eq!(removed.status.as_u16(), asked.err().unwrap_or(200));
        let Ok(owner) = asked else { return };
        self.model.accounts[owner].app = None;
        self.model.accounts[owner].drop_idle_codes();
        self.keep(owner, &session);
        self.notified(owner, "was removed");
    }

    /// The first step of a login: the cookie with which it goes on.
    async fn first_step(&self, email: &str, with: usize) -> String {
        let first = self.app.log_in(email, PASSWORDS[with]).await;
        assert_eq!(
            first.header("bienvenue-error"),
            Some("second_factor_required")
        );
        let cookies = first.headers("set-cookie");
        let login = cookies.iter().find(|cookie| cookie.starts_with("login="));
        login.unwrap().split(';').next().unwrap().to_owned()
    }

    pub(super) async fn second_step(&self, cookie: &str, code: &str) -> Answer {
        self.app.place.sql("DELETE FROM throttle");
        let request = TestRequest::post()
            .uri("/sessions/second_factor")
            .insert_header(("Content-Type", "application/x-www-form-urlencoded"))
            .insert_header(("Cookie", cookie))
            .set_payload(code.to_owned());
        self.app.send(request).await
    }

    /// Logs in with a code, which opens a session once.
    async fn log_in_by(&mut self, owner: usize, email: &str, with: usize, code: &str) {
        let login = self.first_step(email, with).await;
        let opened = self.second_step(&login, code).await;
        assert_eq!(opened.status.as_u16(), 200, "{}", opened.body);
        end(&mut self.model.pending, owner);
        self.model.open(opened.session_id(), owner);
        let login = self.first_step(email, with).await;
        let again = self.second_step(&login, code).await;
        assert_eq!(again.status.as_u16(), 401, "a code is valid once");
    }

    /// The account with a factor whose password it is.
    fn protected(&self, email: &str, with: usize) -> Option<usize> {
        let owner = self.model.owner(email)?;
        let account = &self.model.accounts[owner];
        let is_right = self.model.is_right(owner, with);
        (is_right && !account.is_disabled && account.is_guarded()).then_some(owner)
    }

    pub(super) fn secret_of(&self, account: usize) -> Option<String> {
        let app = self.model.accounts[account].app.as_ref()?;
        Some(app.secret.clone())
    }

    pub(super) async fn log_in_by_app(&mut self, email: &'static str, with: usize) {
        let Some(owner) = self.protected(email, with) else {
            return;
        };
        let Some(secret) = self.secret_of(owner) else {
            return;
        };
        let code = format!("otp={}", self.fresh_code(&secret));
        self.log_in_by(owner, email, with, &code).await;
    }

    pub(super) async fn log_in_by_recovery_code(&mut self, email: &'static str, with: usize) {
        let Some(owner) = self.protected(email, with) else {
            return;
        };
        let Some(code) = self.model.accounts[owner].codes.pop() else {
            return;
        };
        let code = format!("recovery_code={code}");
        self.log_in_by(owner, email, with, &code).await;
        let mail = self.app.mails.next_to(self.model.accounts[owner].email);
        let subject = mail.subject;
        assert!(subject.contains("recovery code was used"), "{subject}");
    }

    pub(super) async fn begin_login(&mut self, email: &'static str, with: usize) {
        let Some(owner) = self.protected(email, with) else {
            return;
        };
        let cookie = self.first_step(email, with).await;
        let ends = self.model.now + 600;
        self.model.pending.push(key(cookie, owner, email, ends));
    }

    pub(super) async fn end_login(&mut self, nth: usize) {
        let Some(login) = latest(&self.model.pending, nth) else {
            return;
        };
        let (cookie, owner) = (login.text.clone(), login.account);
        let secret = self.secret_of(owner);
        let code = secret.map(|secret| self.fresh_code(&secret));
        let login = latest(&self.model.pending, nth);
        let is_live = login.is_some_and(|login| login.is_live(self.model.now));
        let body = match code {
            Some(code) => format!("otp={code}"),
            None if is_live => self.sign_second_step(owner, &cookie).await,
            None => "otp=000000".to_owned(),
        };
        let answer = self.second_step(&cookie, &body).await;
        assert_eq!(
            answer.status,
            if is_live { 200 } else { 401 },
            "{}",
            answer.body
        );
        if is_live {
            end(&mut self.model.pending, owner);
            self.model.open(answer.session_id(), owner);
        }
    }

    pub(super) fn reset_factors(&mut self, email: &'static str) {
        let Some(owner) = self.model.owner(email) else {
            return;
        };
        self.app.place.sql("DELETE FROM throttle");
        let user = self.db.find_user_by(&address(email)).unwrap();
        let reset = self.app.auth.reset_second_factors(Some(&user)).unwrap();
        let had = self.model.accounts[owner].is_guarded();
        self.model.lose_passkeys(owner, 0);
        self.model.accounts[owner].app = None;
        self.model.accounts[owner].codes.clear();
        assert_eq!(reset.len(), usize::from(had));
        end(&mut self.model.sessions, owner);
        end(&mut self.model.pending, owner);
        // A disabled user gets no email.
        if had && !self.model.accounts[owner].is_disabled {
            let mail = self.app.mails.next_to(self.model.accounts[owner].email);
            assert!(mail.text.contains("The operator"), "{}", mail.text);
        }
    }

    pub(super) async fn undo_factors(&mut self, nth: usize) {
        self.app.place.sql("DELETE FROM throttle");
        let token = latest(&self.model.factor_undos, nth);
        let since = token.map_or(0, |token| token.since);
        let status = self.verify(token).await;
        let good = self.model.restorable(token);
        assert_eq!(status, if good.is_some() { 200 } else { 403 });
        let Some((account, email)) = good else { return };
        let undos = self.model.undos.iter_mut();
        for undo in undos.filter(|undo| undo.account == account && undo.since >= since) {
            (undo.is_good, undo.is_reserved) = (false, false);
        }
        self.restore(account, email, since);
    }

    /// Gives an account back to an address, and undoes what was done since.
    pub(super) fn restore(&mut self, account: usize, email: &'static str, since: u64) {
        let owner = self.model.owner(email);
        if let Some(usurper) = owner.filter(|owner| *owner != account) {
            self.model.delete(usurper);
        }
        let holder = &mut self.model.accounts[account];
        let lost = std::mem::replace(&mut holder.email, email);
        holder.is_proved = true;
        self.model.set_password(account, None);
        self.model.forget_factors_since(account, since);
        let mail = self.app.mails.next_to(email);
        if !same(lost, email) {
            let told = self.app.mails.next_to(lost);
            assert!(told.subject.contains("taken back"), "{}", told.subject);
        }
        self.model.reset_token(token_of(&mail), account);
    }

    /// The recovery codes that an answer shows.
    pub(super) fn new_codes(&mut self, owner: usize, json: &serde_json::Value) {
        let codes = json["recovery_codes"].as_array().unwrap();
        let codes = codes.iter().map(|code| code.as_str().unwrap().to_owned());
        let (codes, now) = (codes.collect(), self.model.now);
        let account = &mut self.model.accounts[owner];
        (account.codes, account.codes_since) = (codes, now);
    }

    /// Compares the accounts with an app, those with passkeys, and the number of recovery codes
    /// that are left.
    pub(super) fn compare_factors(&self) {
        let there = || {
            let accounts = self.model.accounts.iter();
            accounts.filter(|account| account.is_there)
        };
        let compare = |table: &str, mut expected: Vec<&str>| {
            let mut found = self.app.place.texts(&format!(
                "SELECT users.email AS value FROM users JOIN {table} ON {table}.user_id = users.id"
            ));
            expected.sort_unstable();
            found.sort_unstable();
            assert_eq!(found, expected, "{table}");
        };
        let with_app = there().filter(|account| account.app.is_some());
        compare("totp", with_app.map(|account| account.email).collect());
        let keys = there().flat_map(|account| account.passkeys.iter().map(|_| account.email));
        compare("passkeys", keys.collect());
        let codes = there().flat_map(|account| account.codes.iter().map(|_| account.email));
        compare("recovery_codes", codes.collect());
    }
}
