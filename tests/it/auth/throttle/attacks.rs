//! Attacks on the limits themselves, against the real program, as long as they take. The
//! numbers that they print stand in `docs/security.md`.
//!
//! By hand: `cargo test --test it -- --ignored --nocapture --test-threads 1 throttle::attacks`

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use reqwest::blocking::Client;
use rstest::rstest;

use crate::support::program::Server;
use crate::support::{Engine, Place, email, eventually, settings};

/// How often each status came.
type Statuses = BTreeMap<u16, usize>;

/// The bytes of a form that a client behind the proxy sends.
fn request(path: &str, from: &str, device: &str, form: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {from}\r\nCookie: device={device}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
        form.len()
    )
}

/// One connection that asks the same again and again, at once after each answer, and comes
/// back when it was closed.
fn hammer(address: &str, request: &str, until: Instant) -> Statuses {
    let mut statuses = Statuses::new();
    let mut buffer = [0; 4096];
    while Instant::now() < until {
        let Ok(mut connection) = TcpStream::connect(address) else {
            continue;
        };
        let patience = Duration::from_secs(10);
        connection.set_read_timeout(Some(patience)).unwrap();
        while Instant::now() < until && connection.write_all(request.as_bytes()).is_ok() {
            let Ok(count @ 1..) = connection.read(&mut buffer) else {
                break;
            };
            let answer = String::from_utf8_lossy(&buffer[..count]);
            let status = answer.split(' ').nth(1).and_then(|text| text.parse().ok());
            *statuses.entry(status.unwrap_or(0)).or_default() += 1;
        }
    }
    statuses
}

fn attack(
    server: &Server,
    count: usize,
    request: &str,
    until: Instant,
) -> Vec<JoinHandle<Statuses>> {
    let connect = |_| {
        let (address, request) = (server.address.clone(), request.to_owned());
        let thread = thread::Builder::new().stack_size(128 * 1024);
        thread
            .spawn(move || hammer(&address, &request, until))
            .unwrap()
    };
    (0..count).map(connect).collect()
}

fn sum(attackers: Vec<JoinHandle<Statuses>>) -> Statuses {
    let mut total = Statuses::new();
    for attacker in attackers {
        for (status, count) in attacker.join().unwrap() {
            *total.entry(status).or_default() += count;
        }
    }
    total
}

/// The owner of an account, with a known device.
struct Owner<'a> {
    server: &'a Server,
    email: String,
    device: String,
}

impl<'a> Owner<'a> {
    fn register(server: &'a Server, email: &str, from: &str) -> Self {
        let form = [("email", email), ("password", "bob_pwd")];
        let post = |path| {
            let request = Client::new().post(server.url(path)).form(&form);
            request.header("X-Forwarded-For", from).send().unwrap()
        };
        assert_eq!(post("/users").status(), 201);
        let login = post("/sessions");
        assert_eq!(login.status(), 200);
        let mut cookies = login.headers().get_all("set-cookie").iter();
        let device = cookies.find_map(|c| c.to_str().unwrap().strip_prefix("device="));
        let device = device.unwrap().split(';').next().unwrap().to_owned();
        Self {
            server,
            email: email.to_owned(),
            device,
        }
    }

    fn form(&self) -> String {
        format!("email={}&password=bob_pwd", self.email)
    }

    /// Logs in with the known device from an address that the account does not know.
    fn log_in(&self, client: &Client) -> (u16, Duration) {
        let begin = Instant::now();
        let request = client
            .post(self.server.url("/sessions"))
            .header("X-Forwarded-For", "198.18.0.1")
            .header("Cookie", format!("device={}", self.device))
            .header("Content-Type", "application/x-www-form-urlencoded");
        let answer = request.body(self.form()).send().unwrap();
        (answer.status().as_u16(), begin.elapsed())
    }

    /// Logs in at every interval; the statuses, and the times in order.
    fn log_in_every(&self, interval: Duration, count: usize) -> (Statuses, Vec<Duration>) {
        let client = Client::new();
        let mut statuses = Statuses::new();
        let mut times = Vec::new();
        for _ in 0..count {
            let (status, time) = self.log_in(&client);
            *statuses.entry(status).or_default() += 1;
            times.push(time);
            thread::sleep(interval.saturating_sub(time));
        }
        times.sort();
        (statuses, times)
    }
}

fn behind_a_proxy(place: &Place, arguments: &[&str]) -> Server {
    let url = format!("--database-url={}", place.url_text());
    let always = ["--throttle=on", "--trusted-proxies=127.0.0.1/32", &url];
    Server::start_with(place, &[&always, arguments].concat())
}

#[rstest]
#[case("/reset_password", 256)]
#[case("/reset_password", 1500)]
#[case("/sessions", 1500)]
#[ignore = "half a minute"]
fn m3_one_throttled_address_delays_no_other(#[case] path: &str, #[case] connections: usize) {
    let Some(place) = Place::on(Engine::Postgres) else {
        return;
    };
    let server = behind_a_proxy(&place, &[]);
    let owner = Owner::register(&server, "bob@x.org", "203.0.113.5");
    let until = Instant::now() + Duration::from_secs(12);
    let form = "email=unknown@x.org&password=wrong";
    let form = if path == "/sessions" {
        form
    } else {
        "email=unknown@x.org"
    };
    let flood = request(path, "192.0.2.7", "", form);
    let attackers = attack(&server, connections, &flood, until);
    thread::sleep(Duration::from_secs(3));
    let (statuses, times) = owner.log_in_every(Duration::from_millis(300), 25);
    let refused = sum(attackers);
    println!(
        "M3, {connections} x {path}: {refused:?} in 12 s; logins of a known device {statuses:?}, \
         median {:.0?}, the slowest {:.0?}",
        times[times.len() / 2],
        times[times.len() - 1],
    );
    assert_eq!(statuses.into_keys().collect::<Vec<_>>(), [200]);
}

#[rstest]
#[case("12")]
#[case("13")]
#[ignore = "two minutes"]
fn m8_six_attackers_do_not_lock_out_a_known_owner(#[case] cost: &str) {
    let place = Place::new();
    let server = behind_a_proxy(&place, &["--bcrypt-cost", cost]);
    let owner = Owner::register(&server, "bob@x.org", "203.0.113.5");
    let attackers: Vec<_> = (0..6)
        .map(|number| {
            let from = format!("10.0.{number}.1");
            let account = Owner::register(&server, &format!("{number}@x.org"), &from);
            request("/sessions", &from, &account.device, &account.form())
        })
        .collect();
    let until = Instant::now() + Duration::from_secs(62);
    // Not in the rhythm of a user who logs in repeatedly.
    let rhythm = Duration::from_secs(3);
    let threads = attackers
        .iter()
        .flat_map(|flood| attack(&server, 20, flood, until));
    let threads: Vec<_> = threads.collect();
    let (statuses, times) = owner.log_in_every(rhythm, 20);
    println!(
        "M8, cost {cost}: a known owner's logins {statuses:?}, median {:.2?}, the slowest {:.2?}; \
         attackers {:?}",
        times[times.len() / 2],
        times[times.len() - 1],
        sum(threads),
    );
    assert!(statuses.get(&200) >= Some(&19), "{statuses:?}");
}

/// How long a password reset and logins take with a full table, and while it is cleaned up.
#[rstest]
#[case(Engine::Sqlite)]
#[case(Engine::Postgres)]
#[ignore = "a minute"]
fn m2_full_throttle_table_delays_no_user(#[case] engine: Engine) {
    let Some(place) = Place::on(engine) else {
        return;
    };
    let server = behind_a_proxy(&place, &["--throttle-rows=1000000"]);
    let owner = Owner::register(&server, "bob@x.org", "203.0.113.5");
    // A million that count for an hour, and 300,000 that have expired.
    let fill = |first: u32, last: u32, at: &str| {
        place.sql(&format!(
            "WITH RECURSIVE c (n) AS (SELECT {first} UNION ALL SELECT n + 1 FROM c WHERE n < {last}) \
             INSERT INTO throttle (key, fails, next_at, purge_at) SELECT 'mail/password_reset/' || CAST(CAST(n AS BIGINT) * 7919 % 1999993 AS TEXT), \
             1, {at}, {at} FROM c"
        ));
    };
    let clock = bienvenue::domain::Clock::system();
    let in_an_hour = (clock.now().seconds() + 3600).to_string();
    fill(1, 1_000_000, &in_an_hour);
    let db = place.open(settings(&clock));
    let mut resets: Vec<_> = (0..20)
        .map(|_| {
            let begin = Instant::now();
            db.clear_limits_for(&email("eve@x.org").key()).unwrap();
            begin.elapsed()
        })
        .collect();
    resets.sort();
    fill(1_000_001, 1_300_000, "1");
    let begin = Instant::now();
    let (statuses, times) = owner.log_in_every(Duration::from_millis(50), 25);
    let expired = || place.texts("SELECT key AS value FROM throttle WHERE purge_at <= 1 LIMIT 1");
    while !expired().is_empty() {
        assert!(begin.elapsed() < Duration::from_secs(120));
        thread::sleep(Duration::from_millis(100));
    }
    let cleaned = begin.elapsed();
    // 100,000 over the cap, of rows that no time limit has expired.
    fill(1_300_001, 1_400_000, &in_an_hour);
    let rows = || -> u32 {
        let count = place.texts("SELECT CAST(count(*) AS TEXT) AS value FROM throttle");
        count[0].parse().unwrap()
    };
    let begin = Instant::now();
    let mut left = rows();
    while left > 1_010_000 {
        assert!(begin.elapsed() < Duration::from_secs(180), "{left}");
        thread::sleep(Duration::from_secs(1));
        left = rows();
    }
    println!(
        "M2, {engine:?}: forgetting an account takes {:.1?} (the slowest {:.1?}); logins {statuses:?} \
         meanwhile: median {:.0?}, the slowest {:.0?}; 300,000 expired rows are gone in {cleaned:.1?}; \
         the table is back at {left} rows {:.1?} after it was 100,000 over its cap",
        resets[10],
        resets[19],
        times[times.len() / 2],
        times[times.len() - 1],
        begin.elapsed(),
    );
    assert_eq!(statuses.into_keys().collect::<Vec<_>>(), [200]);
    eventually("it answers", || owner.log_in(&Client::new()).0 == 200);
}
