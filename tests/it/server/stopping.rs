//! How the program ends, asked to or not, and what is there when it starts again.

use std::fs;
use std::hash::{BuildHasher, RandomState};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::sync::mpsc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use reqwest::blocking::Client;

use crate::support::app::fields;
use crate::support::program::{Server, program};
use crate::support::{Place, eventually};

/// A server whose logins take a quarter of a second, and bob.
fn slow(place: &Place) -> Server {
    let arguments = ["--bind", "127.0.0.1:0", "--bcrypt-cost", "12"];
    let mut command = program(place.folder(), &arguments);
    command.args(["--hash-threads", "1"]);
    let server = Server::spawn(command);
    let created = server.post("/users", "bob@x.fr", "bob_pwd");
    assert_eq!(created.status(), 201);
    eventually("an idle thread", || !hashes(&server));
    server
}

/// Whether a password is being hashed right now, as the kernel sees it.
fn hashes(server: &Server) -> bool {
    let tasks = fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
    tasks.flatten().any(|task| {
        let stat = fs::read_to_string(task.path().join("stat")).unwrap_or_default();
        stat.contains("(hash-0) R")
    })
}

/// A login that is being computed when this returns; its status comes later.
fn login_in_flight(server: &Server) -> JoinHandle<u16> {
    let url = server.url("/sessions");
    let login = thread::spawn(move || {
        let form = [("email", "bob@x.fr"), ("password", "bob_pwd")];
        let answer = Client::new().post(url).form(&form).send().unwrap();
        answer.status().as_u16()
    });
    eventually("a login in flight", || hashes(server));
    login
}

#[test]
fn a_login_in_flight_is_answered_before_the_end() {
    for signal in ["TERM", "INT"] {
        let place = Place::new();
        let mut server = slow(&place);
        let login = login_in_flight(&server);
        server.signal(signal);
        assert_eq!(login.join().unwrap(), 200);
        assert_eq!(server.wait().code(), Some(0));
        let log = server.whole_log();
        assert!(log.contains(&format!("SIG{signal}")), "{log}");
        assert!(log.ends_with("stopped"), "{log}");
        let sessions = "SELECT CAST(user_id AS TEXT) AS value FROM sessions";
        assert_eq!(place.texts(sessions).len(), 1);
    }
}

#[test]
fn a_second_signal_changes_nothing() {
    let place = Place::new();
    let mut server = slow(&place);
    let login = login_in_flight(&server);
    server.signal("TERM");
    server.wait_for("SIGTERM");
    server.signal("TERM");
    server.signal("INT");
    assert_eq!(login.join().unwrap(), 200);
    assert_eq!(server.wait().code(), Some(0));
}

#[test]
fn shutdown_refuses_new_and_closes_idle_connections() {
    let place = Place::new();
    let mut server = Server::start(&place);
    let client = Client::new();
    assert_eq!(client.get(server.url("/")).send().unwrap().status(), 200);
    let mut silent = TcpStream::connect(&server.address).unwrap();
    silent.write_all(b"GET / HT").unwrap();
    let begun = Instant::now();
    server.signal("TERM");
    assert_eq!(server.wait().code(), Some(0));
    assert!(begun.elapsed() < Duration::from_secs(10));
    assert!(TcpStream::connect(&server.address).is_err());
}

#[test]
fn a_clean_stop_leaves_the_database_in_one_file() {
    let place = Place::new();
    let mut server = Server::start(&place);
    server.post("/users", "bob@x.fr", "bob_pwd");
    assert!(place.path("bienvenue.db-wal").exists());
    server.signal("TERM");
    server.wait();
    for beside in ["bienvenue.db-wal", "bienvenue.db-shm"] {
        assert!(!place.path(beside).exists(), "{beside}");
    }
}

#[test]
fn stop_keeps_mails_that_wait_and_logs_no_error() {
    let place = Place::new();
    let mut server = Server::start(&place);
    let clients: Vec<_> = (0..8)
        .map(|nth| {
            let email = format!("user{nth}@x.fr");
            server.post("/users", &email, "some password");
            email
        })
        .collect();
    for email in &clients {
        assert_eq!(server.post("/reset_password", email, "").status(), 200);
    }
    server.signal("TERM");
    server.wait();
    let log = server.whole_log();
    assert!(!log.contains(" ERROR "), "{log}");
    let count = "SELECT CAST(count(*) AS TEXT) AS value FROM outbox WHERE claimed_until = 0";
    let kept: usize = place.texts(count)[0].parse().unwrap();
    let sent = fs::read_dir(place.path("mail")).map_or(0, Iterator::count);
    assert_eq!(kept + sent, clients.len());
}

#[test]
fn users_and_sessions_survive_a_restart() {
    let place = Place::new();
    let mut server = Server::start(&place);
    server.post("/users", "bob@x.fr", "bob_pwd");
    let cookie = server.session("bob@x.fr", "bob_pwd");
    server.signal("TERM");
    server.wait();

    let server = Server::start(&place);
    let profile = Client::new()
        .get(server.url("/profile"))
        .header("Cookie", cookie)
        .send();
    assert_eq!(
        profile.unwrap().text().unwrap().trim_end(),
        r#"{"email":"bob@x.fr"}"#
    );
    assert_eq!(server.log_in("bob@x.fr", "bob_pwd"), 200);
    assert_eq!(server.register("bob@x.fr", "bob_pwd"), 400);
}

/// The outcomes of a client's requests.
#[derive(Debug, Default)]
struct Fates {
    answered: usize,
    /// How connections ended on which a request was sent and never answered.
    lost: Vec<String>,
}

/// A request's answer, complete, or how the connection ended.
fn answer_to(stream: &mut TcpStream, request: &str) -> Result<String, String> {
    let written = stream.write_all(request.as_bytes());
    written.map_err(|error| format!("write: {error}"))?;
    let (mut answer, mut buffer) = (String::new(), [0; 4096]);
    loop {
        let read = stream.read(&mut buffer);
        if matches!(&read, Err(error) if error.kind() == ErrorKind::Interrupted) {
            continue;
        }
        let count = read.map_err(|error| format!("read: {error}, after {answer:?}"))?;
        if count == 0 {
            return Err(format!("closed after {answer:?}"));
        }
        answer += std::str::from_utf8(&buffer[..count]).unwrap();
        let Some((head, body)) = answer.split_once("\r\n\r\n") else {
            continue;
        };
        let head = head.to_lowercase();
        let length = head.split("content-length: ").nth(1);
        let length = length.map_or(0, |rest| {
            rest.split("\r\n").next().unwrap().parse().unwrap()
        });
        if body.len() == length {
            return Ok(head);
        }
    }
}

/// Sends one request after the other until no server listens.
fn ask_on_and_on(address: &str, request: &str) -> Fates {
    let mut fates = Fates::default();
    while let Ok(mut stream) = TcpStream::connect(address) {
        stream.set_nodelay(true).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        let before = fates.answered;
        loop {
            let head = match answer_to(&mut stream, request) {
                Ok(head) => head,
                Err(end) => {
                    let port = stream.local_addr().unwrap().port();
                    let sent = fates.answered - before;
                    fates
                        .lost
                        .push(format!("port {port}, answered {sent}: {end}"));
                    break;
                }
            };
            fates.answered += 1;
            if head.contains("connection: close") {
                break;
            }
        }
    }
    fates
}

#[test]
#[ignore = "sends 10,000 requests over many stops"]
fn f12_shutdowns_leave_no_request_unanswered() {
    let place = Place::new();
    let body = "email=bob@x.fr&password=bob_pwd";
    let login = format!(
        "POST /sessions HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let profile = "GET /profile HTTP/1.1\r\nHost: x\r\n\r\n".to_owned();
    let (mut sum, mut rounds) = (Fates::default(), 0);
    while sum.answered < 10_000 || rounds < 10 {
        let mut server = Server::start(&place);
        server.post("/users", "bob@x.fr", "bob_pwd");
        let clients: Vec<_> = (0..100)
            .map(|number| {
                let address = server.address.clone();
                let request = if number % 2 == 0 { &login } else { &profile }.clone();
                thread::spawn(move || ask_on_and_on(&address, &request))
            })
            .collect();
        let random = RandomState::new().hash_one(rounds) % 300;
        thread::sleep(Duration::from_millis(50 + random));
        server.signal("TERM");
        let begun = Instant::now();
        assert_eq!(server.wait().code(), Some(0));
        assert!(begun.elapsed() < Duration::from_secs(26));
        for client in clients {
            let fates = client.join().unwrap();
            sum.answered += fates.answered;
            sum.lost.extend(fates.lost);
        }
        assert!(!server.whole_log().contains("ERROR"));
        rounds += 1;
    }
    println!("f12: {rounds} stops, {sum:?}");
    assert_eq!(sum.lost, [""; 0]);
}

/// Registers one user after the other until the server is gone, and tells of each that was
/// acknowledged.
fn register_on_and_on(server: &Server, round: u32, acknowledged: mpsc::Sender<String>) {
    let url = server.url("/users");
    thread::spawn(move || {
        let client = Client::new();
        for number in 0.. {
            let email = format!("user{round}.{number}@x.fr");
            let request = client
                .post(&url)
                .header("Content-Type", "application/x-www-form-urlencoded")
                .body(fields(&email, "a_pwd"));
            match request.send() {
                Ok(answer) if answer.status() == 201 => acknowledged.send(email).unwrap(),
                Ok(answer) => panic!("{answer:?}"),
                Err(_) => break,
            }
        }
    });
}

#[test]
fn every_acknowledged_user_survives_a_kill() {
    let place = Place::new();
    let mut acknowledged = Vec::new();
    for round in 0..4_u32 {
        let mut server = Server::start(&place);
        let (sender, told) = mpsc::channel();
        register_on_and_on(&server, round, sender.clone());
        register_on_and_on(&server, round + 100, sender);
        let some = 5 + usize::try_from(round).unwrap() * 13;
        acknowledged.extend(told.iter().take(some));
        server.kill();
        acknowledged.extend(told.iter());
    }
    let server = Server::start(&place);
    let there = place.texts("SELECT email AS value FROM users");
    for email in &acknowledged {
        assert!(there.contains(email), "{email} was acknowledged");
    }
    let last = acknowledged.last().unwrap();
    let login = server.post("/sessions", last, "a_pwd");
    assert_eq!(login.status(), 200);
}
