//! A person's mail while others are asked for by the thousand.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use bienvenue::auth::{Auth, AuthSettings, Inline};
use bienvenue::db::MailPriority;
use bienvenue::domain::{Client, Clock};
use bienvenue::mail::{Mailer, Memory, Templates};
use rstest::rstest;

use super::settings as template_settings;
use crate::support::app::quick;
use crate::support::{Engine, Place, START, email, eventually, password, settings};

const BOB: &str = "bob@x.fr";
const MADE_UP: usize = 10_000;

fn ask(auth: &Auth, address: &str) {
    let (email, client) = (email(address), Client::default());
    pollster::block_on(auth.request_reset(&Inline, &email, &client)).unwrap();
}

#[rstest]
fn m2_decoys_are_bounded_and_wait_behind_people(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let db = place.open(settings(&Clock::set_to(START)));
    let auth = Auth::new(db.clone(), quick()).unwrap();
    auth.register_user(&email(BOB), &password("a_pwd")).unwrap();
    place.sql(
        "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 998)
         INSERT INTO outbox
             (letter, created_at, due_at, attempts, claimed_until, has_token, priority)
         SELECT 'password_reset', 1800000000, 1800000000, 0, 0, 1, 2 FROM n",
    );
    for number in 0..10 {
        ask(&auth, &format!("made-up{number}@x.fr"));
    }
    let waiting = || place.texts("SELECT letter AS value FROM outbox").len();
    assert_eq!(waiting(), 1000);
    ask(&auth, BOB);
    assert_eq!(waiting(), 1001);
    let minute = Duration::from_secs(60);
    let first = db.claim_mail(minute, minute, MailPriority::Decoy);
    assert!(first.unwrap().unwrap().user_id.is_some(), "bob's");
    let second = db.claim_mail(minute, minute, MailPriority::Unproved);
    assert_eq!(second.unwrap(), None, "the decoys wait");
}

#[rstest]
fn m2_verified_addresses_come_first(#[values(Engine::Sqlite, Engine::Postgres)] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let db = place.open(settings(&Clock::set_to(START)));
    let auth = Auth::new(db.clone(), quick()).unwrap();
    for address in ["eve@x.fr", BOB] {
        let user = auth.register_user(&email(address), &password("a_pwd"));
        let user = user.unwrap();
        if address == BOB {
            db.set_email_verified(user.id, &email(BOB).key()).unwrap();
        }
        ask(&auth, address);
    }
    let minute = Duration::from_secs(60);
    let claim = || db.claim_mail(minute, minute, MailPriority::Decoy).unwrap();
    let priorities = [(); 3].map(|()| claim().map(|mail| mail.priority));
    let [known, unproved] = [MailPriority::Known, MailPriority::Unproved];
    assert_eq!(priorities, [Some(known), Some(unproved), None]);
}

/// By hand: it prints how long each person's mail took.
#[rstest]
#[ignore = "10,000 requests, a minute"]
fn m2_resets_of_people_leave_in_time_during_a_flood(
    #[values(Engine::Sqlite, Engine::Postgres)] engine: Engine,
) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let memory = Memory::default();
    let auth_settings = AuthSettings {
        mail_spread: AuthSettings::default().mail_spread,
        ..quick()
    };
    let auth = Auth::new(place.open(settings(&Clock::system())), auth_settings).unwrap();
    let templates = Templates::new(template_settings()).unwrap();
    let auth = auth
        .with_mails(Mailer::Memory(memory.clone()), templates)
        .unwrap();
    let person = |number: usize| format!("person{number}@x.fr");
    for number in 0..200 {
        let registered = auth.register_user(&email(&person(number)), &password("a_pwd"));
        registered.unwrap();
    }
    let (asked, begun) = (AtomicUsize::new(0), Instant::now());
    let mut times = Vec::new();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                loop {
                    let number = asked.fetch_add(1, Ordering::Relaxed);
                    if number >= MADE_UP {
                        return;
                    }
                    ask(&auth, &format!("made-up{number}@x.fr"));
                }
            });
        }
        while asked.load(Ordering::Relaxed) < MADE_UP {
            let address = person(times.len());
            let sent = |mail: &bienvenue::mail::Mail| mail.to.as_str() == address;
            let begin = Instant::now();
            ask(&auth, &address);
            eventually("a person's mail", || memory.sent().iter().any(sent));
            times.push(begin.elapsed());
        }
    });
    let flood = begun.elapsed();
    let rows = place.texts("SELECT letter AS value FROM outbox").len();
    times.sort();
    println!(
        "M2: {engine:?}: {MADE_UP} made-up addresses in {flood:.1?}, {rows} mails wait; \
         {} resets of people left after {:.2?} (median), {:.2?} at most",
        times.len(),
        times[times.len() / 2],
        times[times.len() - 1],
    );
    assert!(times[times.len() - 1] < Duration::from_secs(5));
    assert!(rows <= 1000 + 8);
}
