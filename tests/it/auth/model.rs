//! Whatever people do, in whatever order, the service does what a few lines say it does.

use std::collections::HashMap;

use actix_web::rt;
use bienvenue::http::HttpSettings;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::support::app::{App, Setup, quick};
use crate::support::{Engine, Place};

const IDLE: u64 = 24 * 3600;
const LIFETIME: u64 = 7 * 24 * 3600;
const EMAILS: [&str; 3] = ["bob@dylan.com", "Bob@Dylan.com ", "eve@dylan.com"];
const PASSWORDS: [&str; 2] = ["bob_pwd", "other"];

#[derive(Debug, Clone)]
enum Step {
    Register(usize, usize),
    LogIn(usize, usize),
    /// With the n-th session id that was ever given out.
    Profile(usize),
    LogOut(usize),
    Wait(u64),
    Restart,
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0..EMAILS.len();
    let password = 0..PASSWORDS.len();
    prop_oneof![
        2 => (who.clone(), password.clone()).prop_map(|(who, with)| Step::Register(who, with)),
        4 => (who, password).prop_map(|(who, with)| Step::LogIn(who, with)),
        4 => (0..4_usize).prop_map(Step::Profile),
        1 => (0..4_usize).prop_map(Step::LogOut),
        1 => prop_oneof![Just(30), Just(IDLE / 2), Just(IDLE), Just(LIFETIME)].prop_map(Step::Wait),
        1 => Just(Step::Restart),
    ]
}

struct Account {
    email: String,
    password: usize,
}

struct Session {
    owner: String,
    made: u64,
    used: u64,
    ended: bool,
}

/// The expected state.
#[derive(Default)]
struct Model {
    now: u64,
    accounts: HashMap<String, Account>,
    sessions: Vec<Session>,
}

impl Model {
    fn register(&mut self, email: &str, password: usize) -> u16 {
        let email = email.trim();
        if self.accounts.contains_key(&email.to_lowercase()) {
            return 400;
        }
        let account = Account {
            email: email.to_owned(),
            password,
        };
        self.accounts.insert(email.to_lowercase(), account);
        201
    }

    fn log_in(&mut self, email: &str, password: usize) -> u16 {
        let owner = email.trim().to_lowercase();
        match self.accounts.get(&owner) {
            Some(account) if account.password == password => {}
            _ => return 401,
        }
        for session in &mut self.sessions {
            session.ended |= session.owner == owner;
        }
        self.sessions.push(Session {
            owner,
            made: self.now,
            used: self.now,
            ended: false,
        });
        200
    }

    /// The n-th session, if it is still good.
    fn live(&mut self, nth: usize) -> Option<&mut Session> {
        let now = self.now;
        self.sessions.get_mut(nth).filter(|session| {
            !session.ended && now < session.used + IDLE && now < session.made + LIFETIME
        })
    }

    fn profile(&mut self, nth: usize) -> Option<String> {
        let now = self.now;
        let session = self.live(nth)?;
        if now >= session.used + 60 {
            session.used = now;
        }
        let owner = session.owner.clone();
        Some(self.accounts[&owner].email.clone())
    }
}

async fn check(place: Place, steps: Vec<Step>) {
    let mut app = Setup::at(place).start().await;
    let (mut model, mut ids) = (Model::default(), Vec::new());
    for step in steps {
        match step {
            Step::Register(who, with) => {
                let answer = app.register(EMAILS[who], PASSWORDS[with]).await;
                assert_eq!(answer.status.as_u16(), model.register(EMAILS[who], with));
            }
            Step::LogIn(who, with) => {
                let answer = app.log_in(EMAILS[who], PASSWORDS[with]).await;
                assert_eq!(answer.status.as_u16(), model.log_in(EMAILS[who], with));
                if answer.status.is_success() {
                    ids.push(answer.session_id());
                }
            }
            Step::Profile(nth) => {
                let id = ids.get(nth).cloned().unwrap_or_default();
                let expected = match model.profile(nth) {
                    Some(email) => format!(r#"200 {{"email":"{email}"}}"#),
                    None => "403 ".to_owned(),
                };
                assert_eq!(app.profile(&id).await.line(), expected);
                app.auth.flush();
            }
            Step::LogOut(nth) => {
                let id = ids.get(nth).cloned().unwrap_or_default();
                let expected = match model.live(nth) {
                    Some(session) => {
                        session.ended = true;
                        "200 {}"
                    }
                    None => "403 ",
                };
                assert_eq!(app.log_out(&id).await.line(), expected);
            }
            Step::Wait(seconds) => {
                app.advance(seconds);
                model.now += seconds;
            }
            Step::Restart => {
                let App { place, clock, .. } = app;
                let setup = Setup {
                    place,
                    db: crate::support::settings(&clock),
                    clock,
                    auth: quick(),
                    http: HttpSettings::default(),
                    pages: None,
                    sends_mails: false,
                    mails: None,
                };
                app = setup.start().await;
            }
        }
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
    let steps = prop::collection::vec(step(), 1..40);
    let outcome = runner.run(&steps, |steps| {
        let place = Place::on(engine).expect("it was there before");
        rt::System::new().block_on(check(place, steps));
        Ok(())
    });
    if let Err(error) = outcome {
        panic!("{error}");
    }
}

#[test]
fn the_service_does_what_the_model_does() {
    check_on(Engine::Sqlite, 40);
}

#[test]
fn the_service_does_what_the_model_does_on_postgresql() {
    check_on(Engine::Postgres, 10);
}
