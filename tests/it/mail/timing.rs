//! Whether the time of one's own mail tells whether another mail was sent before it.

use std::thread;
use std::time::{Duration, SystemTime};

use bienvenue::auth::{Auth, AuthSettings, Inline};
use bienvenue::domain::{Client, Clock};
use bienvenue::mail::{Mailer, Smtp, Templates};
use uuid::Uuid;

use super::server::MailServer;
use super::settings as template_settings;
use crate::auth::enumeration::area_under_the_curve;
use crate::support::app::quick;
use crate::support::{Place, START, email, eventually, password, settings};

/// Services that are asked at the same time, and how often each is asked for either kind.
const LANES: usize = 16;
const ROUNDS: usize = 25;

/// A service that sends by that server, which may take a long time.
fn service(place: &Place, server: &MailServer, spread: Duration) -> Auth {
    let settings_of_auth = AuthSettings {
        mail_spread: spread,
        ..quick()
    };
    let db = place.open(settings(&Clock::set_to(START)));
    let mut smtp = server.settings();
    smtp.patience = Some(Duration::from_secs(60));
    let mailer = Mailer::Smtp(Smtp::new(smtp).unwrap());
    let templates = Templates::new(template_settings()).unwrap();
    let auth = Auth::new(db, settings_of_auth).unwrap();
    auth.with_mails(mailer, templates).unwrap()
}

fn register(auth: &Auth, address: &str) {
    let registered = auth.register_user(&email(address), &password("a_pwd"));
    registered.unwrap();
}

fn ask(auth: &Auth, address: &str) {
    let (email, client) = (email(address), Client::default());
    pollster::block_on(auth.request_reset(&Inline, &email, &client)).unwrap();
}

#[test]
fn m4_a_mail_does_not_wait_for_the_one_before_it() {
    let Some(server) = MailServer::that("takes") else {
        return;
    };
    let place = Place::new();
    let auth = service(&place, &server, Duration::ZERO);
    for address in ["slow@x.fr", "bob@x.fr"] {
        register(&auth, address);
        ask(&auth, address);
        let in_hand = "SELECT letter AS value FROM outbox WHERE claimed_until > 0";
        eventually("a claimed mail", || !place.texts(in_hand).is_empty());
    }
    eventually("bob's mail", || server.came_at("bob@x.fr").is_some());
    let in_hand = "SELECT letter AS value FROM outbox WHERE claimed_until > 0";
    eventually("the other mail is still being sent", || {
        place.texts(in_hand).len() == 1
    });
}

/// How long the attacker's own mail takes behind one to an address with an account, and behind
/// one to an address without.
fn times(behaviour: &str) -> Option<[Vec<Duration>; 2]> {
    let server = MailServer::that(behaviour)?;
    let place = Place::new();
    let auth = service(&place, &server, AuthSettings::default().mail_spread);
    let mut times = [Vec::new(), Vec::new()];
    let address = || format!("{}@x.fr", Uuid::new_v4().simple());
    // Before anything is measured: a registration wakes the thread for mails.
    let targets: Vec<_> = (0..ROUNDS).map(|_| address()).collect();
    let own: Vec<_> = (0..2 * ROUNDS).map(|_| address()).collect();
    for address in targets.iter().chain(&own) {
        register(&auth, address);
    }
    let mut own = own.into_iter();
    for known in targets {
        let unknown_first = Uuid::new_v4().as_bytes()[0].is_multiple_of(2);
        for is_known in [!unknown_first, unknown_first] {
            let own = own.next().unwrap();
            let target = if is_known { known.clone() } else { address() };
            ask(&auth, &target);
            ask(&auth, &own);
            let asked_at = SystemTime::now();
            eventually("the own mail", || server.came_at(&own).is_some());
            let came_at = server.came_at(&own).unwrap();
            let time = came_at.duration_since(asked_at).unwrap_or_default();
            times[usize::from(!is_known)].push(time);
            let waiting = || place.texts("SELECT letter AS value FROM outbox");
            eventually("an empty outbox", || waiting().is_empty());
            for file in std::fs::read_dir(server.folder.path()).unwrap() {
                std::fs::remove_file(file.unwrap().path()).unwrap();
            }
        }
    }
    Some(times)
}

#[test]
#[ignore = "6,400 mails, a quarter of an hour"]
fn m4_time_of_a_mail_reveals_no_other_mail() {
    let mut areas = Vec::new();
    for milliseconds in [0, 20, 100, 300] {
        // Side by side, and one after the other.
        for way in ["takes-in", "takes-one-in"] {
            let behaviour = format!("{way}-{milliseconds}");
            let mut all = [Vec::new(), Vec::new()];
            thread::scope(|scope| {
                let lanes = [(); LANES].map(|()| scope.spawn(|| times(&behaviour)));
                for lane in lanes {
                    let times = lane.join().unwrap().into_iter().flatten();
                    for (kind, times) in all.iter_mut().zip(times) {
                        kind.extend(times);
                    }
                }
            });
            let [known, unknown] = &mut all;
            if known.is_empty() {
                return;
            }
            let area = area_under_the_curve(known, unknown);
            known.sort();
            unknown.sort();
            let middle = known.len() / 2;
            println!(
                "M4: {behaviour} ms: n = {} each, AUC {area:.3}, medians {:?} and {:?}",
                known.len(),
                known[middle],
                unknown[middle]
            );
            areas.push(area);
        }
    }
    for area in areas {
        assert!((0.45..=0.55).contains(&area), "{area}");
    }
}
