//! Random lives of accounts: whatever their owners do, in whatever order, and however often the
//! service restarts, passwords, sessions, addresses, tokens and second factors are those of a model.

mod factors;
mod model;
mod passkeys;
mod steps;

use std::rc::Rc;
use std::time::Duration;

use actix_web::http::Method;
use actix_web::rt;
use bienvenue::auth::{Notification, RelyingParty};
use bienvenue::db::DB;
use bienvenue::domain::Clock;
use bienvenue::http::HttpSettings;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use model::{Account, Key, Model, end, key, latest, same};
use steps::{Step, scene, step};

use crate::support::app::{App, Setup, quick};
use crate::support::mailbox::token_of;
use crate::support::{Engine, Place, START, email, settings};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
const IDLE: u64 = DAY;
const LIFETIME: u64 = 7 * DAY;
/// How old the stored last use of a session is when it is written again.
const TOUCH_AFTER: u64 = IDLE / 48;
const EMAILS: [&str; 4] = [
    "bob@dylan.com",
    "Bob@Dylan.com",
    "eve@dylan.com",
    "new@dylan.com",
];
const PASSWORDS: [&str; 2] = ["bob_pwd", "other"];

/// The service and the model beside it.
struct Both {
    app: App,
    /// The database as an operator's commands open it.
    db: DB,
    model: Model,
    /// Whether all sessions are compared after each step, which uses them.
    is_watched: bool,
}

impl Both {
    async fn take(&mut self, step: Step) {
        match step {
            Step::Register(who, with) => self.register(EMAILS[who], with).await,
            Step::LogIn(who, with) => self.log_in(EMAILS[who], with).await,
            Step::ChangePassword(nth, old, new) => self.change_password(nth, old, new).await,
            Step::AskForReset(who) => self.ask_for_reset(EMAILS[who]),
            Step::Reset(nth, who, with) => self.reset(nth, EMAILS[who], with).await,
            Step::AskForEmail(nth, who, with) => self.ask_for_email(nth, EMAILS[who], with).await,
            Step::ChangeEmail(nth) => self.change_email(nth).await,
            Step::TakeBack(nth) => self.take_back(nth).await,
            Step::Delete(nth, with) => self.delete(nth, with).await,
            Step::Profile(nth) => self.profile(nth).await,
            Step::LogOut(nth) => self.log_out(nth).await,
            Step::SetUpApp(nth, with) => self.set_up_app(nth, with).await,
            Step::ReplaceCodes(nth, with) => self.replace_codes(nth, with).await,
            Step::RemoveApp(nth, with) => self.remove_app(nth, with).await,
            Step::LogInByApp(who, with) => self.log_in_by_app(EMAILS[who], with).await,
            Step::LogInByRecoveryCode(who, with) => {
                self.log_in_by_recovery_code(EMAILS[who], with).await;
            }
            Step::BeginLogin(who, with) => self.begin_login(EMAILS[who], with).await,
            Step::EndLogin(nth) => self.end_login(nth).await,
            Step::UndoFactors(nth) => self.undo_factors(nth).await,
            Step::AddPasskey(nth, with) => self.add_passkey(nth, with).await,
            Step::RemovePasskey(nth, with) => self.remove_passkey(nth, with).await,
            Step::LogInByPasskey(who) => self.log_in_by_passkey(EMAILS[who]).await,
            Step::LogInByLostPasskey(nth) => self.log_in_by_lost_passkey(nth).await,
            Step::ResetFactors(who) => self.reset_factors(EMAILS[who]),
            Step::Disable(who) => self.disable(EMAILS[who]),
            Step::Enable(who) => self.enable(EMAILS[who]),
            Step::Wait(seconds) => {
                self.app.advance(seconds);
                self.model.now += seconds;
            }
            Step::Restart => {
                let (place, clock) = (Rc::clone(&self.app.place), self.app.clock.clone());
                let is_single = self.model.has_one_session;
                self.app = setup(place, clock, is_single).start().await;
            }
        }
        // The background thread may write the last uses at any time otherwise.
        self.app.auth.flush();
    }

    async fn put(&self, session: &str, path: &str, body: String) -> (u16, Option<String>) {
        let answer = self.app.as_user(session, Method::PUT, path, body).await;
        let cookie = answer.header("set-cookie");
        let session = cookie.and_then(|cookie| cookie.strip_prefix("session_id="));
        let session = session.and_then(|cookie| cookie.split(';').next());
        (answer.status.as_u16(), session.map(str::to_owned))
    }

    async fn register(&mut self, email: &'static str, with: usize) {
        let answer = self.app.register(&typed(email), PASSWORDS[with]).await;
        let model = &mut self.model;
        let is_taken = model.owner(email).is_some() || model.is_kept_from(email, None);
        assert_eq!(answer.status, if is_taken { 400 } else { 201 });
        if !is_taken {
            model.accounts.push(Account::new(email, with));
        }
    }

    async fn log_in(&mut self, email: &'static str, with: usize) {
        let answer = self.app.log_in(&typed(email), PASSWORDS[with]).await;
        let owner = self.model.owner(email);
        let owner = owner.filter(|owner| self.model.is_right(*owner, with));
        let owner = owner.filter(|owner| !self.model.accounts[*owner].is_guarded());
        let owner = owner.filter(|owner| !self.model.accounts[*owner].is_disabled);
        assert_eq!(answer.status, if owner.is_some() { 200 } else { 401 });
        if let Some(owner) = owner {
            self.model.open(answer.session_id(), owner);
        }
    }

    async fn profile(&mut self, nth: usize) {
        let (session, owner) = self.model.session(nth);
        let expected = self.profile_of(owner);
        assert_eq!(self.app.profile(&session).await.line(), expected);
    }

    fn profile_of(&self, owner: Option<usize>) -> String {
        owner.map_or("403 ".to_owned(), |owner| {
            let email = self.model.accounts[owner].email;
            format!(r#"200 {{"email":"{email}"}}"#)
        })
    }

    async fn log_out(&mut self, nth: usize) {
        let (session, owner) = self.model.session(nth);
        let expected = if owner.is_some() { "200 {}" } else { "403 " };
        assert_eq!(self.app.log_out(&session).await.line(), expected);
        let mut sessions = self.model.sessions.iter_mut();
        if let Some(key) = sessions.find(|key| key.text == session) {
            key.is_good = false;
        }
    }

    async fn change_password(&mut self, nth: usize, old: usize, new: usize) {
        let (session, owner) = self.model.session(nth);
        let (old_password, new_password) = (PASSWORDS[old], PASSWORDS[new]);
        let body = format!("current_password={old_password}&new_password={new_password}");
        let (status, opened) = self.put(&session, "/profile/password", body).await;
        let expected = match owner {
            None => 403,
            Some(owner) if !self.model.is_right(owner, old) => 401,
            Some(owner) => {
                self.model.set_password(owner, Some(new));
                self.model.open(opened.unwrap(), owner);
                200
            }
        };
        assert_eq!(status, expected);
    }

    fn ask_for_reset(&mut self, address: &'static str) {
        let made = self.app.auth.get_reset_password_token(&email(address));
        let owner = self.model.owner(address);
        assert_eq!(made.is_ok(), owner.is_some());
        if let Some(owner) = owner {
            self.model.reset_token(made.unwrap().expose(), owner);
        }
    }

    async fn reset(&mut self, nth: usize, email: &'static str, with: usize) {
        let (now, model) = (self.model.now, &self.model);
        let token = latest(&model.resets, nth);
        let text = token.map_or("none".to_owned(), |token| token.text.clone());
        let account = token
            .filter(|token| token.is_live(now) && model.owner(email) == Some(token.account))
            .map(|token| token.account)
            .filter(|account| !model.accounts[*account].is_disabled);
        let password = PASSWORDS[with];
        let body = format!("email={email}&reset_token={text}&new_password={password}");
        let (status, _) = self.put("none", "/reset_password", body).await;
        assert_eq!(status, if account.is_some() { 200 } else { 403 });
        if let Some(account) = account {
            self.model.set_password(account, Some(with));
        }
    }

    async fn ask_for_email(&mut self, nth: usize, email: &'static str, with: usize) {
        // Rate limits are not tested here.
        self.app.place.sql("DELETE FROM throttle");
        let (session, owner) = self.model.session(nth);
        let body = format!("email={email}&current_password={}", PASSWORDS[with]);
        let (status, _) = self.put(&session, "/profile/email", body).await;
        let expected = match owner {
            None => 403,
            Some(owner) if !self.model.is_right(owner, with) => 401,
            Some(owner) => {
                // The newest request counts, whether the address is free or not.
                end(&mut self.model.changes, owner);
                if self.model.is_free_for(email, owner) {
                    let mail = self.app.mails.next();
                    assert_eq!(mail.to.as_str(), email);
                    let ends = self.model.now + DAY;
                    let change = key(token_of(&mail), owner, email, ends);
                    self.model.changes.push(change);
                }
                200
            }
        };
        assert_eq!(status, expected);
    }

    async fn verify(&self, token: Option<&Key>) -> u16 {
        let text = token.map_or("none", |token| token.text.as_str());
        let body = format!("token={text}");
        self.put("none", "/verify_email", body).await.0
    }

    async fn change_email(&mut self, nth: usize) {
        let token = latest(&self.model.changes, nth);
        let status = self.verify(token).await;
        let good = token
            .filter(|token| token.is_live(self.model.now))
            .map(|token| (token.account, token.email))
            .filter(|(account, email)| self.model.is_free_for(email, *account));
        assert_eq!(status, if good.is_some() { 200 } else { 403 });
        let Some((account, email)) = good else { return };
        let holder = &mut self.model.accounts[account];
        let old = std::mem::replace(&mut holder.email, email);
        let was_proved = std::mem::replace(&mut holder.is_proved, true);
        end(&mut self.model.changes, account);
        if !same(old, email) {
            end(&mut self.model.resets, account);
            end(&mut self.model.sessions, account);
            end(&mut self.model.pending, account);
            let notice = self.app.mails.next();
            assert_eq!(notice.to.as_str(), old);
            let ends = self.model.now + 3 * DAY;
            let mut undo = key(token_of(&notice), account, old, ends);
            undo.since = self.model.now;
            undo.is_reserved = was_proved;
            self.model.undos.push(undo);
        }
    }

    async fn take_back(&mut self, nth: usize) {
        self.app.place.sql("DELETE FROM throttle");
        let token = latest(&self.model.undos, nth);
        let status = self.verify(token).await;
        let since = token.map_or(0, |token| token.since);
        let good = self.model.restorable(token);
        assert_eq!(status, if good.is_some() { 200 } else { 403 });
        let Some((account, email)) = good else { return };
        let first = self.model.undos.len() - 1 - nth;
        let undone = self.model.undos[first..].iter_mut();
        for undo in undone.filter(|undo| undo.account == account) {
            (undo.is_good, undo.is_reserved) = (false, false);
        }
        self.restore(account, email, since);
    }

    async fn delete(&mut self, nth: usize, with: usize) {
        let (session, owner) = self.model.session(nth);
        let body = format!("current_password={}", PASSWORDS[with]);
        let answer = self.app.as_user(&session, Method::DELETE, "/profile", body);
        let status = answer.await.status.as_u16();
        let expected = match owner {
            None => 403,
            Some(owner) if !self.model.is_right(owner, with) => 401,
            Some(owner) => {
                self.model.delete(owner);
                200
            }
        };
        assert_eq!(status, expected);
    }

    fn disable(&mut self, address: &'static str) {
        let Some(owner) = self.model.owner(address) else {
            return;
        };
        let user = self.db.find_user_by(&email(address)).unwrap();
        let is_new = !std::mem::replace(&mut self.model.accounts[owner].is_disabled, true);
        assert_eq!(self.db.disable_user(user.id).unwrap(), is_new);
        let password = self.model.accounts[owner].password;
        self.model.set_password(owner, password);
    }

    fn enable(&mut self, address: &'static str) {
        let Some(owner) = self.model.owner(address) else {
            return;
        };
        let user = self.db.find_user_by(&email(address)).unwrap();
        let was_disabled = std::mem::take(&mut self.model.accounts[owner].is_disabled);
        assert_eq!(self.db.enable_user(user.id).unwrap(), was_disabled);
    }

    /// Compares everything that can be observed.
    async fn compare(&mut self) {
        let sessions = self.model.sessions.iter();
        let sessions: Vec<String> = sessions.map(|key| key.text.clone()).collect();
        for session in sessions {
            let owner = self.model.touch(&session);
            let expected = self.profile_of(owner);
            assert_eq!(self.app.profile(&session).await.line(), expected);
        }
        self.app.auth.flush();
        self.compare_factors();
        let there = self
            .model
            .accounts
            .iter()
            .filter(|account| account.is_there);
        let mut there: Vec<&str> = there.map(|account| account.email).collect();
        there.sort_unstable();
        let mut users = self.app.place.texts("SELECT email AS value FROM users");
        users.sort_unstable();
        assert_eq!(users, there);
        assert!(self.app.mails.is_empty(&self.app.place));
    }
}

/// An address as its owner types it.
fn typed(email: &str) -> String {
    let is_careless = email.starts_with('B');
    let end = if is_careless { " " } else { "" };
    format!("{email}{end}")
}

fn setup(place: Rc<Place>, clock: Clock, has_one_session: bool) -> Setup {
    let mut db = settings(&clock);
    db.sessions.sessions_per_user = u32::from(has_one_session).into();
    db.sessions.session_idle = Some(Duration::from_secs(IDLE));
    db.sessions.session_lifetime = Duration::from_secs(LIFETIME);
    let mut auth = quick();
    auth.relying_party = RelyingParty::new("http://localhost", "localhost");
    auth.accounts.notices = vec![Notification::EmailChanged, Notification::SecondFactor];
    Setup {
        place,
        clock,
        db,
        auth,
        http: HttpSettings::default(),
        pages: None,
        sends_mails: true,
        mails: None,
    }
}

async fn check(place: Place, has_one_session: bool, is_watched: bool, steps: Vec<Step>) {
    let (place, clock) = (Rc::new(place), Clock::set_to(START));
    let app = setup(place, clock, has_one_session).start().await;
    let model = Model {
        has_one_session,
        ..Model::default()
    };
    let db = app.place.open(settings(&app.clock));
    let mut both = Both {
        app,
        db,
        model,
        is_watched,
    };
    let at_first = [
        Step::Register(0, 0),
        Step::Register(2, 0),
        Step::LogIn(0, 0),
        Step::LogIn(2, 0),
    ];
    for step in at_first.into_iter().chain(steps) {
        both.take(step).await;
        if both.is_watched {
            both.compare().await;
        }
    }
    both.compare().await;
}

fn check_on(engine: Engine, cases: u32) {
    if Place::on(engine).is_none() {
        return;
    }
    let config = ProptestConfig {
        cases,
        ..ProptestConfig::default()
    };
    let mut runner = TestRunner::new(config);
    let steps = prop_oneof![
        9 => step().prop_map(|step| vec![step]),
        2 => scene(),
    ];
    let steps = prop::collection::vec(steps, 1..40);
    let cases = (any::<bool>(), any::<bool>(), steps);
    let outcome = runner.run(&cases, |(has_one_session, is_watched, steps)| {
        let place = Place::on(engine).expect("it was there before");
        let check = check(place, has_one_session, is_watched, steps.concat());
        rt::System::new().block_on(check);
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn accounts_live_as_the_model_does() {
    check_on(Engine::Sqlite, 12);
}

#[test]
fn accounts_live_as_the_model_does_on_postgresql() {
    check_on(Engine::Postgres, 3);
}

#[test]
#[ignore = "long: a hundred lives take a minute; CI runs it by name"]
fn a_hundred_accounts_live_as_the_model_does() {
    check_on(Engine::Sqlite, 100);
}

#[test]
#[ignore = "long"]
fn ten_accounts_live_as_the_model_does_on_postgresql() {
    check_on(Engine::Postgres, 10);
}
