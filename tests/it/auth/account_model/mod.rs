//! The life of accounts: whatever their owners do, in whatever order, passwords, sessions,
//! addresses and tokens are what a few lines say they are.

mod model;

use actix_web::http::Method;
use actix_web::rt;
use bienvenue::auth::{Notification, NotificationSettings};
use bienvenue::db::DB;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use model::{Account, Key, Model, end, key, latest, same};

use crate::support::app::{App, Setup};
use crate::support::mailbox::token_of;
use crate::support::{Engine, Place, email, settings};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
const EMAILS: [&str; 4] = [
    "bob@dylan.com",
    "Bob@Dylan.com",
    "eve@dylan.com",
    "new@dylan.com",
];
const PASSWORDS: [&str; 2] = ["bob_pwd", "other"];

#[derive(Debug, Clone)]
enum Step {
    Register(usize, usize),
    LogIn(usize, usize),
    /// In the n-th of the sessions, the last being the first: the current password and the new one.
    ChangePassword(usize, usize, usize),
    AskForReset(usize),
    /// With the n-th token, for whom, and the new password.
    Reset(usize, usize, usize),
    /// In the n-th session: the new address and the current password.
    AskForEmail(usize, usize, usize),
    /// With the n-th token that was mailed.
    ChangeEmail(usize),
    TakeBack(usize),
    Delete(usize, usize),
    /// By an operator.
    Disable(usize),
    Enable(usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    let who = || 0..EMAILS.len();
    // Mostly the right one, and the last ones: else little would ever happen.
    let with = || prop_oneof![5 => Just(0_usize), 1 => Just(1)];
    let nth = || prop_oneof![4 => Just(0_usize), 2 => 1..4_usize];
    prop_oneof![
        2 => (who(), with()).prop_map(|(who, with)| Step::Register(who, with)),
        4 => (who(), with()).prop_map(|(who, with)| Step::LogIn(who, with)),
        2 => (nth(), with(), with()).prop_map(|(n, old, new)| Step::ChangePassword(n, old, new)),
        2 => who().prop_map(Step::AskForReset),
        2 => (nth(), who(), with()).prop_map(|(n, who, with)| Step::Reset(n, who, with)),
        9 => (nth(), who(), with()).prop_map(|(n, who, with)| Step::AskForEmail(n, who, with)),
        9 => nth().prop_map(Step::ChangeEmail),
        5 => nth().prop_map(Step::TakeBack),
        1 => (nth(), with()).prop_map(|(n, with)| Step::Delete(n, with)),
        1 => who().prop_map(Step::Disable),
        2 => who().prop_map(Step::Enable),
        1 => prop_oneof![Just(HOUR / 2), Just(DAY), Just(3 * DAY)].prop_map(Step::Wait),
    ]
}

/// The steps of people who want an account to change hands.
fn scene() -> impl Strategy<Value = Vec<Step>> {
    let who = || 0..EMAILS.len();
    let moves = |to| [Step::AskForEmail(0, to, 0), Step::ChangeEmail(0)];
    // Gives an account away, and takes it back when the other person has set a password.
    let giver = (who(), who()).prop_map(move |(from, to)| {
        let before = [Step::LogIn(from, 0)].into_iter().chain(moves(to));
        let after = [
            Step::AskForReset(to),
            Step::Reset(0, to, 1),
            Step::LogIn(to, 1),
            Step::TakeBack(0),
        ];
        before.chain(after).collect()
    });
    // Moves an account, and deletes it or registers the old address. The owner takes it back.
    let thief = (who(), who(), any::<bool>()).prop_map(move |(from, to, deletes)| {
        let before = [Step::LogIn(from, 0)].into_iter().chain(moves(to));
        let last = if deletes {
            vec![
                Step::LogIn(to, 0),
                Step::Delete(0, 0),
                Step::Register(from, 1),
            ]
        } else {
            vec![Step::Register(from, 1), Step::TakeBack(0)]
        };
        before.chain(last).collect()
    });
    // Registers the address of another person, and moves on; that person comes.
    let squatter = (who(), who()).prop_map(move |(from, to)| {
        let before = [Step::Register(from, 0), Step::LogIn(from, 0)];
        let after = [Step::Register(from, 1), Step::LogIn(from, 1)];
        let steps = before.into_iter().chain(moves(to)).chain(after);
        steps.collect()
    });
    prop_oneof![giver, thief, squatter]
}

/// The service and the model beside it.
struct Both {
    app: App,
    /// The database as an operator's commands open it.
    db: DB,
    model: Model,
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
            Step::Disable(who) => self.disable(EMAILS[who]),
            Step::Enable(who) => self.enable(EMAILS[who]),
            Step::Wait(seconds) => {
                self.app.advance(seconds);
                self.model.now += seconds;
            }
        }
    }

    async fn put(&self, session: &str, path: &str, body: String) -> (u16, Option<String>) {
        let answer = self.app.as_user(session, Method::PUT, path, body).await;
        let cookie = answer.header("set-cookie");
        let session = cookie.and_then(|cookie| cookie.strip_prefix("session_id="));
        let session = session.and_then(|cookie| cookie.split(';').next());
        (answer.status.as_u16(), session.map(str::to_owned))
    }

    async fn register(&mut self, email: &'static str, with: usize) {
        let answer = self.app.register(email, PASSWORDS[with]).await;
        let model = &mut self.model;
        let is_taken = model.owner(email).is_some() || model.is_kept_from(email, None);
        assert_eq!(answer.status, if is_taken { 400 } else { 201 });
        if !is_taken {
            model.accounts.push(Account {
                email,
                password: Some(with),
                is_proved: false,
                is_there: true,
                is_disabled: false,
            });
        }
    }

    async fn log_in(&mut self, email: &'static str, with: usize) {
        let answer = self.app.log_in(email, PASSWORDS[with]).await;
        let owner = self.model.owner(email);
        let owner = owner.filter(|owner| self.model.is_right(*owner, with));
        let owner = owner.filter(|owner| !self.model.accounts[*owner].is_disabled);
        assert_eq!(answer.status, if owner.is_some() { 200 } else { 401 });
        if let Some(owner) = owner {
            self.model.open(answer.session_id(), owner);
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
            let notice = self.app.mails.next();
            assert_eq!(notice.to.as_str(), old);
            let ends = self.model.now + 3 * DAY;
            let mut undo = key(token_of(&notice), account, old, ends);
            undo.is_reserved = was_proved;
            self.model.undos.push(undo);
        }
    }

    async fn take_back(&mut self, nth: usize) {
        self.app.place.sql("DELETE FROM throttle");
        let token = latest(&self.model.undos, nth);
        let status = self.verify(token).await;
        let good = token
            .filter(|token| token.is_live(self.model.now))
            .map(|token| (token.account, token.email))
            .filter(|(account, _)| !self.model.accounts[*account].is_disabled);
        let usurper = |(account, email): (usize, &str)| {
            let owner = self.model.owner(email);
            owner.filter(|owner| *owner != account)
        };
        let usurper = good.and_then(usurper);
        let is_proved = |usurper: usize| self.model.accounts[usurper].is_proved;
        let good = good.filter(|_| !usurper.is_some_and(is_proved));
        assert_eq!(status, if good.is_some() { 200 } else { 403 });
        let Some((account, email)) = good else { return };
        if let Some(usurper) = usurper {
            self.model.delete(usurper);
        }
        let holder = &mut self.model.accounts[account];
        let lost = std::mem::replace(&mut holder.email, email);
        holder.is_proved = true;
        self.model.set_password(account, None);
        let first = self.model.undos.len() - 1 - nth;
        let undone = self.model.undos[first..].iter_mut();
        for undo in undone.filter(|undo| undo.account == account) {
            (undo.is_good, undo.is_reserved) = (false, false);
        }
        let mail = self.app.mails.next_to(email);
        if !same(lost, email) {
            let told = self.app.mails.next_to(lost);
            assert!(told.subject.contains("taken back"), "{}", told.subject);
        }
        self.model.reset_token(token_of(&mail), account);
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
    async fn compare(&self) {
        for session in &self.model.sessions {
            let profile = self.app.profile(&session.text).await;
            let expected = if session.is_good {
                let email = self.model.accounts[session.account].email;
                format!(r#"200 {{"email":"{email}"}}"#)
            } else {
                "403 ".to_owned()
            };
            assert_eq!(profile.line(), expected);
        }
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

async fn check(place: Place, steps: Vec<Step>) {
    let mut setup = Setup::at(place);
    setup.sends_mails = true;
    setup.db.sessions.per_user = 0;
    setup.db.sessions.idle = std::time::Duration::from_secs(10_000 * DAY);
    setup.db.sessions.lifetime = setup.db.sessions.idle;
    setup.auth.notices = NotificationSettings::only([Notification::EmailChanged]);
    let (app, model) = (setup.start().await, Model::default());
    let db = app.place.open(settings(&app.clock));
    let mut both = Both { app, db, model };
    let at_first = [
        Step::Register(0, 0),
        Step::Register(2, 0),
        Step::LogIn(0, 0),
        Step::LogIn(2, 0),
    ];
    for step in at_first.into_iter().chain(steps) {
        both.take(step).await;
        both.compare().await;
    }
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
    let outcome = runner.run(&steps, |steps| {
        let steps = steps.concat();
        let place = Place::on(engine).expect("it was there before");
        rt::System::new().block_on(check(place, steps));
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn an_account_lives_as_the_model_does() {
    check_on(Engine::Sqlite, 20);
}

#[test]
fn an_account_lives_as_the_model_does_on_postgresql() {
    check_on(Engine::Postgres, 5);
}

#[test]
#[ignore = "hundreds of lives take a minute; CI runs it by name"]
fn hundreds_of_accounts_live_as_the_model_does() {
    check_on(Engine::Sqlite, 400);
}
