//! The hashing threads, as the clients and the operator of the real program meet them.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use reqwest::blocking::Client;

use crate::support::program::Server;
use crate::support::{Place, eventually};

/// A cost at which a login takes minutes.
const ENDLESS: &str = "22";

const BOB: [(&str, &str); 2] = [("email", "bob@dylan.com"), ("password", "bob_pwd")];

/// How many hashes one thread has room for, and one more waits.
pub(crate) const ROOM: usize = 4 + 1;

/// A service in which bob is registered at cost 4, and every other login takes minutes.
pub(crate) fn endless(place: &Place, arguments: &[&str]) -> Server {
    let server = Server::start(place);
    let answer = Client::new().post(server.url("/users")).form(&BOB).send();
    assert_eq!(answer.unwrap().status(), 201);
    drop(server);
    let cost = ["--bcrypt-cost", ENDLESS, "--hash-deadline", "1day"];
    Server::start_with(place, &[cost.as_slice(), arguments].concat())
}

/// Connections on which a login of an unknown account is under way.
pub(crate) fn logins_under_way(server: &Server, count: usize) -> Vec<TcpStream> {
    let body = "email=unknown@dylan.com&password=guess";
    let request = format!(
        "POST /sessions HTTP/1.1\r\nHost: x\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let connect = |_| {
        let mut connection = TcpStream::connect(&server.address).unwrap();
        connection.write_all(request.as_bytes()).unwrap();
        connection
    };
    (0..count).map(connect).collect()
}

fn bobs_login(server: &Server) -> u16 {
    let login = Client::new().post(server.url("/sessions")).form(&BOB);
    login.send().unwrap().status().as_u16()
}

/// Whether bob's login is refused. One that waits behind the endless ones gives up, and so leaves
/// its place to the next of them.
pub(crate) fn bob_is_refused(server: &Server) -> bool {
    let login = Client::new().post(server.url("/sessions")).form(&BOB);
    let answer = login.timeout(Duration::from_secs(2)).send();
    answer.is_ok_and(|answer| answer.status() == 503)
}

#[test]
fn later_login_does_not_wait_for_running_hashes() {
    let place = Place::new();
    let server = endless(&place, &["--hash-threads", "1"]);
    let _under_way = logins_under_way(&server, 1);
    assert_eq!(bobs_login(&server), 200);
}

/// Logins that hold all places. Where Bob's own login was first, one of them was refused.
fn all_places_taken(server: &Server) -> Vec<TcpStream> {
    let mut under_way = logins_under_way(server, ROOM);
    eventually("there is no place left", || {
        under_way.extend(logins_under_way(server, 1));
        bob_is_refused(server) && bob_is_refused(server)
    });
    under_way
}

#[test]
fn f22_closed_connection_frees_its_permit() {
    let place = Place::new();
    let server = endless(&place, &["--hash-threads", "1", "--hash-queue", "1"]);
    drop(all_places_taken(&server));
    eventually("the places are free", || bobs_login(&server) == 200);
}

#[test]
fn waiting_logins_block_no_thread() {
    let place = Place::new();
    let server = endless(&place, &["--hash-threads", "1"]);
    let threads = || -> Vec<String> {
        let tasks = fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
        tasks
            .map(|task| fs::read_to_string(task.unwrap().path().join("comm")).unwrap())
            .collect()
    };
    let profile = || Client::new().get(server.url("/profile")).send().unwrap();
    assert_eq!(profile().status(), 403, "all workers have begun");
    let before = threads();
    let _under_way = logins_under_way(&server, 100);
    assert_eq!(profile().status(), 403, "what does not hash is served");
    assert_eq!(threads(), before);
}

#[test]
fn hashing_runs_at_a_lower_priority_than_everything_else() {
    let place = Place::new();
    let server = Server::start_with(&place, &["--hash-threads", "2"]);
    let niceness = |hashes: bool| -> Vec<i32> {
        let tasks = fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
        tasks
            .map(|task| fs::read_to_string(task.unwrap().path().join("stat")).unwrap())
            // The monitor of the database file has the lowest priority of all.
            .filter(|stat| !stat.contains("(db-monitor"))
            .filter(|stat| stat.contains("(hash-") == hashes)
            .map(|stat| {
                let behind_the_name = stat.rsplit_once(") ").unwrap().1;
                let niceness = behind_the_name.split(' ').nth(16).unwrap();
                niceness.parse().unwrap()
            })
            .collect()
    };
    eventually("both threads have begun", || niceness(true).len() == 2);
    let others = niceness(false);
    assert!(others.iter().all(|nice| nice == &others[0]), "{others:?}");
    // Of the suite's own niceness something may be left, up to the system's limit of 19.
    let nicer = (others[0] + 10).min(19);
    eventually("they are nicer", || niceness(true) == [nicer, nicer]);
}

#[test]
fn r23_login_with_too_long_a_wait_is_503_and_not_hashed() {
    let place = Place::new();
    let server = Server::start_with(
        &place,
        &[
            "--hash-threads",
            "1",
            "--hash-deadline",
            "1s",
            "--bcrypt-cost",
            "20",
        ],
    );
    // A hash takes half a minute. One is computed, and the logins behind it would wait for it.
    let mut logins = logins_under_way(&server, 4);
    for login in &logins {
        login.set_nonblocking(true).unwrap();
    }
    let mut refused = Vec::new();
    eventually("three refusals", || {
        logins.retain_mut(|login| {
            let mut buffer = [0; 4096];
            let count = login.read(&mut buffer).unwrap_or(0);
            refused
                .extend((count > 0).then(|| String::from_utf8(buffer[..count].to_vec()).unwrap()));
            count == 0
        });
        refused.len() >= 3
    });
    assert_eq!(refused.len(), 3, "{refused:?}");
    for answer in refused {
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
        assert!(answer.ends_with("{\"message\":\"too many logins at once\"}\n"));
        let (_, rest) = answer.split_once("retry-after: ").unwrap();
        let wait: u64 = rest.lines().next().unwrap().parse().unwrap();
        assert!(
            wait > 2,
            "by what is in front, and not by a constant: {wait}"
        );
    }
}

#[test]
fn refused_logins_are_logged_once_with_their_number() {
    let place = Place::new();
    let mut server = endless(&place, &["--hash-threads", "1", "--hash-queue", "1"]);
    let _under_way = all_places_taken(&server);
    for _ in 0..3 {
        assert_eq!(bobs_login(&server), 503);
    }
    let line = "password hashing is overloaded (1 threads)";
    server.wait_for(line);
    assert_eq!(server.logged(line), 1);
    assert_eq!(server.logged("answered 503"), 0);
}

/// The outcomes of one client's logins.
#[derive(Default)]
struct Tally {
    served: usize,
    refused: usize,
    slowest: Duration,
}

/// Logs in again and again on one connection, at once after each answer.
fn hammer(address: &str, until: Instant) -> Tally {
    let body = "email=unknown@dylan.com&password=guess";
    let request = format!(
        "POST /sessions HTTP/1.1\r\nHost: x\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut connection = TcpStream::connect(address).unwrap();
    let mut tally = Tally::default();
    let mut buffer = [0; 4096];
    while Instant::now() < until {
        let begin = Instant::now();
        connection.write_all(request.as_bytes()).unwrap();
        let count = connection.read(&mut buffer).unwrap();
        let answer = String::from_utf8_lossy(&buffer[..count]);
        tally.slowest = tally.slowest.max(begin.elapsed());
        if answer.starts_with("HTTP/1.1 401 ") {
            tally.served += 1;
        } else {
            assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
            assert!(answer.contains("retry-after: "), "{answer}");
            tally.refused += 1;
        }
    }
    tally
}

fn resident(server: &Server) -> usize {
    let status = fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[test]
#[ignore = "a quarter of a minute"]
fn f22_thousand_parallel_logins_are_answered_or_503() {
    let place = Place::new();
    let server = Server::start_with(&place, &["--bcrypt-cost", "12"]);
    let before = resident(&server);
    let until = Instant::now() + Duration::from_secs(12);
    let clients: Vec<_> = (0..1000)
        .map(|_| {
            let address = server.address.clone();
            let thread = thread::Builder::new().stack_size(128 * 1024);
            thread.spawn(move || hammer(&address, until)).unwrap()
        })
        .collect();
    let client = Client::new();
    let mut profiles = Vec::new();
    while Instant::now() < until {
        let begin = Instant::now();
        let answer = client.get(server.url("/profile")).send().unwrap();
        assert_eq!(answer.status(), 403, "what does not hash is served");
        profiles.push(begin.elapsed());
        thread::sleep(Duration::from_millis(20));
    }
    let grown = resident(&server).saturating_sub(before) / 1024;
    let tallies: Vec<_> = clients
        .into_iter()
        .map(|client| client.join().unwrap())
        .collect();
    let sum = |of: fn(&Tally) -> usize| tallies.iter().map(of).sum::<usize>();
    let slowest = tallies.iter().map(|tally| tally.slowest).max().unwrap();
    profiles.sort();
    println!(
        "F22: {} served, {} refused, the slowest {slowest:.2?}; profile p99 {:.2?}; {grown} MB more",
        sum(|tally| tally.served),
        sum(|tally| tally.refused),
        profiles[profiles.len() * 99 / 100],
    );
    assert!(sum(|tally| tally.served) > 0 && sum(|tally| tally.refused) > 0);
    assert!(grown < 64, "{grown} MB");
}
