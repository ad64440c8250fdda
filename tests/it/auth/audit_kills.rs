//! The service is killed under load many times. The chain of audit events stays whole, and the
//! table lacks events of the last second at most; the log has these.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use bienvenue::db::DB;
use bienvenue::domain::Clock;
use proptest::prelude::RngExt;
use proptest::test_runner::{RngAlgorithm, TestRng};
use reqwest::blocking::Client;
use rstest::rstest;

use crate::support::program::Server;
use crate::support::{Engine, Place, eventually, settings};

/// The number of kills in a test that is not shortened.
const KILLS: usize = 10;
const WRITERS: usize = 4;

/// How late the thread for background writes may be on a busy machine, beside its second.
const SLACK: Duration = Duration::from_millis(750);

/// A request with an audit event, and when its answer had arrived.
struct Answered {
    request_id: String,
    at: Instant,
}

/// Registers users and logs them in until the server is gone.
fn write(url: &str, name: &str, answered: &Mutex<Vec<Answered>>) {
    let client = Client::new();
    for number in 0.. {
        let email = format!("{name}.{number}@x.org");
        let form = [("email", email.as_str()), ("password", "bob_pwd")];
        for path in ["/users", "/sessions"] {
            let request_id = format!("{name}.{number}{}", path.replace('/', "."));
            let request = client.post(format!("{url}{path}")).form(&form);
            let Ok(answer) = request.header("X-Request-Id", &request_id).send() else {
                return;
            };
            assert!(answer.status().is_success());
            let at = Instant::now();
            answered.lock().unwrap().push(Answered { request_id, at });
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// The ids of the requests whose events have a row.
fn in_table(place: &Place) -> HashSet<String> {
    let details = place.texts("SELECT coalesce(details, '{}') AS value FROM audit_events");
    let ids = details.iter().filter_map(|details| {
        let details: serde_json::Value = serde_json::from_str(details).unwrap();
        details["request_id"].as_str().map(str::to_owned)
    });
    ids.collect()
}

fn kill(engine: Engine, kills: usize) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let mut random = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let (url, clock) = (place.url_text(), Clock::system());
    let (mut missing, mut total, mut oldest) = (0, 0, Duration::ZERO);
    for round in 0..kills {
        let mut server = Server::start_with(&place, &["--database-url", &url]);
        let answered = Arc::new(Mutex::new(Vec::<Answered>::new()));
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| {
                let (url, answered) = (server.url(""), Arc::clone(&answered));
                thread::spawn(move || write(&url, &format!("u{round}.{writer}"), &answered))
            })
            .collect();
        eventually("a load", || answered.lock().unwrap().len() > 8);
        thread::sleep(Duration::from_millis(random.random_range(0..2500)));
        let killed = Instant::now();
        server.kill();
        for writer in writers {
            writer.join().unwrap();
        }
        let db = DB::open(&place.url(), settings(&clock)).unwrap();
        let report = db.check_audit_chain(None, Vec::new(), |_| {}).unwrap();
        assert!(report.is_intact(), "kill {round}: {report:?}");
        let (table, log) = (in_table(&place), server.whole_log());
        let answered = answered.lock().unwrap();
        total += answered.len();
        for Answered { request_id, at } in answered.iter() {
            if !table.contains(request_id) {
                missing += 1;
                oldest = oldest.max(killed.saturating_duration_since(*at));
                let line = format!("request_id={request_id}");
                let is_event = |logged: &str| logged.contains(" event=") && logged.ends_with(&line);
                assert!(log.lines().any(is_event), "{request_id} is not in the log");
            }
        }
        assert!(
            oldest < Duration::from_secs(1) + SLACK,
            "kill {round}: {oldest:?}"
        );
    }
    println!("{engine:?}: {kills} kills, {total} events, {missing} without a row, {oldest:?} old");
    assert!(missing > 0 && missing < total, "{missing} of {total}");
}

#[test]
fn killed_server_leaves_a_whole_chain_of_events() {
    kill(Engine::Sqlite, 3);
}

#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[ignore = "long"]
fn server_killed_ten_times_leaves_a_whole_chain(#[case] engine: Engine) {
    kill(engine, KILLS);
}

/// How many rows of their own a user's logins get within an hour, and how many logins the test makes.
const OWN: usize = 20;
const LOGINS: usize = 25;

/// The rows of the logins of a user: those of their own, and the numbers of shared ones.
fn logins(place: &Place, email: &str) -> (usize, Vec<u64>) {
    let details = place.texts(&format!(
        "SELECT details AS value FROM audit_events WHERE event = 'authn_login_success' \
         AND user_id = (SELECT id FROM users WHERE email = '{email}')"
    ));
    let rows = details.iter().map(|details| {
        let details: serde_json::Value = serde_json::from_str(details).unwrap();
        details["repeats"].as_u64()
    });
    let (own, shared): (Vec<_>, Vec<_>) = rows.partition(Option::is_none);
    (own.len(), shared.into_iter().flatten().collect())
}

/// The numbers of repeated events are written every ten minutes, and at a stop. Kills before that,
/// amid it, and after it: the chain stays whole, and a number is there as a whole or not at all.
#[rstest]
#[case(Engine::Sqlite)]
#[ignore = "long"]
#[case(Engine::Postgres)]
fn kill_loses_the_number_of_repeated_events_or_nothing(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let (url, clock) = (place.url_text(), Clock::system());
    let (mut lost, mut kept) = (0, 0);
    for round in 0..=KILLS as u64 {
        let mut server = Server::start_with(&place, &["--database-url", &url]);
        let (client, email) = (Client::new(), format!("bob{round}@x.org"));
        let form = [("email", email.as_str()), ("password", "bob_pwd")];
        for path in ["/users"].into_iter().chain(["/sessions"; LOGINS]) {
            let answer = client.post(server.url(path)).form(&form).send().unwrap();
            assert!(answer.status().is_success(), "{path}: {}", answer.status());
        }
        let own = || logins(&place, &email) == (OWN, Vec::new());
        eventually("rows of the first logins", own);
        match round {
            0 => server.kill(),
            1 => {
                server.signal("TERM");
                assert!(server.wait().success());
            }
            _ => {
                server.signal("TERM");
                thread::sleep(Duration::from_millis(4 * (round - 2)));
                server.kill();
            }
        }
        let db = DB::open(&place.url(), settings(&clock)).unwrap();
        let report = db.check_audit_chain(None, Vec::new(), |_| {}).unwrap();
        assert!(report.is_intact(), "kill {round}: {report:?}");
        let (own, shared) = logins(&place, &email);
        assert_eq!(own, OWN, "kill {round}");
        match shared.as_slice() {
            [] => lost += 1,
            [count] => {
                assert_eq!(*count, (LOGINS - OWN) as u64, "kill {round}");
                kept += 1;
            }
            _ => panic!("kill {round}: {shared:?}"),
        }
        let log = server.whole_log();
        let logged = log.matches("event=authn_login_success").count();
        assert_eq!(logged, LOGINS, "kill {round}: the log has every event");
    }
    println!("{engine:?}: {lost} numbers lost, {kept} kept");
    assert!(lost > 0 && kept > 0, "{lost} lost, {kept} kept");
}
