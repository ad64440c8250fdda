//! Whether the time of an answer tells accounts that are there from accounts that are not.
//!
//! By hand, on a machine that does nothing else: at cost 4 an answer takes a millisecond, and
//! the microseconds of a row that is read from cold caches count. The strict check is that
//! every path computes the same rounds (`src/auth/password/jobs.rs`).

use std::time::{Duration, Instant};

use reqwest::blocking::Client;
use uuid::Uuid;

use crate::support::program::Server;
use crate::support::{Place, eventually};

const PAIRS: usize = 1500;

fn time_of_a_wrong_login(client: &Client, server: &Server, email: &str) -> Duration {
    let form = [("email", email), ("password", "a guess")];
    let begin = Instant::now();
    let answer = client.post(server.url("/sessions")).form(&form).send();
    let (status, _) = answer
        .map(|answer| (answer.status(), answer.bytes()))
        .unwrap();
    let time = begin.elapsed();
    assert_eq!(status, 401);
    time
}

/// The probability that one of the first takes longer than one of the second: 0.5 if nothing
/// can be told from the time (Mann and Whitney's U over the number of pairs).
pub(crate) fn area_under_the_curve(first: &[Duration], second: &[Duration]) -> f64 {
    let mut all: Vec<_> = first.iter().map(|time| (time, true)).collect();
    all.extend(second.iter().map(|time| (time, false)));
    all.sort();
    let (mut of_second, mut wins) = (0_u32, 0_u32);
    for (_, is_first) in all {
        if is_first {
            wins += of_second;
        } else {
            of_second += 1;
        }
    }
    let pairs = u32::try_from(first.len() * second.len()).unwrap();
    f64::from(wins) / f64::from(pairs)
}

/// Bob is registered at one cost; the logins run at another.
fn bob_among_strangers(stored_at: &str, current: &str) {
    let place = Place::new();
    let client = Client::new();
    let bob = "bob@dylan.com";
    let server = Server::start_with(&place, &["--bcrypt-cost", stored_at]);
    let form = [("email", bob), ("password", "bob_pwd")];
    let answer = client.post(server.url("/users")).form(&form).send();
    assert_eq!(answer.unwrap().status(), 201);
    drop(server);

    let server = Server::start_with(&place, &["--bcrypt-cost", current, "--throttle", "off"]);
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        let random = Uuid::new_v4();
        let stranger = format!("{}@dylan.com", &random.simple().to_string()[..3]);
        let known_first = random.as_bytes()[15].is_multiple_of(2);
        for is_known in [known_first, !known_first] {
            if is_known {
                known.push(time_of_a_wrong_login(&client, &server, bob));
            } else {
                unknown.push(time_of_a_wrong_login(&client, &server, &stranger));
            }
        }
    }
    let area = area_under_the_curve(&known, &unknown);
    println!("R16: stored at cost {stored_at}, current {current}: {PAIRS} pairs, AUC {area:.3}");
    assert!((0.45..=0.55).contains(&area), "{area}");
}

#[test]
#[ignore = "3,000 logins, by hand on a machine at rest"]
fn r16_time_of_a_failed_login_reveals_no_account() {
    bob_among_strangers("4", "4");
}

#[test]
#[ignore = "3,000 logins, by hand on a machine at rest"]
fn r16_time_of_a_failed_login_reveals_no_old_hash() {
    bob_among_strangers("4", "6");
}

fn time_of_a_request_for_a_mail(client: &Client, server: &Server, email: &str) -> Duration {
    let begin = Instant::now();
    let request = client.post(server.url("/reset_password"));
    let answer = request.form(&[("email", email)]).send();
    let (status, _) = answer
        .map(|answer| (answer.status(), answer.bytes()))
        .unwrap();
    let time = begin.elapsed();
    assert_eq!(status, 200);
    time
}

/// Times of two kinds: for addresses with an account, and without.
#[derive(Default)]
struct Times {
    known: Vec<Duration>,
    unknown: Vec<Duration>,
}

impl Times {
    fn note(&mut self, is_known: bool, time: Duration) {
        let kind = if is_known {
            &mut self.known
        } else {
            &mut self.unknown
        };
        kind.push(time);
    }

    fn median(times: &[Duration]) -> Duration {
        let mut times = times.to_vec();
        times.sort();
        times[times.len() / 2]
    }

    fn told(&self, what: &str) -> f64 {
        let area = area_under_the_curve(&self.known, &self.unknown);
        let (known, unknown) = (Self::median(&self.known), Self::median(&self.unknown));
        println!("R16: {what}: AUC {area:.3}, medians {known:?} and {unknown:?}");
        area
    }
}

/// How long a mail waits before the thread for mails begins with it.
const HEAD_START: Duration = Duration::from_millis(50);

/// Each address is asked for once, as more would get no mail, and the outbox is empty before
/// the next one. The time of another request, to an unknown address, while the mail is sent shows whether
/// the thread for mails is busy for longer.
#[test]
#[ignore = "6,000 requests, by hand on a machine at rest"]
fn r16_time_of_a_mail_request_reveals_no_account() {
    let place = Place::new();
    let (client, server) = (Client::new(), Server::start(&place));
    let address = || format!("{}@dylan.com", Uuid::new_v4().simple());
    let mut addresses: Vec<_> = (0..2 * PAIRS).map(|at| (address(), at < PAIRS)).collect();
    for (known, _) in addresses.iter().take(PAIRS) {
        let form = [("email", known.as_str()), ("password", "a_pwd")];
        let answer = client.post(server.url("/users")).form(&form).send();
        assert_eq!(answer.unwrap().status(), 201);
    }
    // By random names, which is a random order.
    addresses.sort();
    let (mut own, mut behind) = (Times::default(), Times::default());
    for (email, is_known) in &addresses {
        let time = time_of_a_request_for_a_mail(&client, &server, email);
        own.note(*is_known, time);
        std::thread::sleep(HEAD_START);
        let time = time_of_a_request_for_a_mail(&client, &server, &address());
        behind.note(*is_known, time);
        let waiting = "SELECT letter AS value FROM outbox";
        eventually("an empty outbox", || place.texts(waiting).is_empty());
    }
    let area = own.told("a request for a mail");
    behind.told("the request behind it");
    assert!((0.45..=0.55).contains(&area), "{area}");
}

#[test]
fn distinguishable_samples_have_an_area_far_from_half() {
    let times = |from: u64| -> Vec<_> { (from..from + 100).map(Duration::from_micros).collect() };
    assert!((area_under_the_curve(&times(10), &times(0)) - 0.6).abs() < 0.02);
    assert!((area_under_the_curve(&times(0), &times(0)) - 0.5).abs() < 0.01);
    assert!(area_under_the_curve(&times(0), &times(200)) < 0.01);
}
