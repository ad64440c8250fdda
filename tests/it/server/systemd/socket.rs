//! A listening socket that is handed over, and stays when the service goes.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::support::manager::{Manager, listening, with_socket};
use crate::support::program::{Server, finish, program, raw, told};
use crate::support::{Place, has_tool};

fn serving(place: &Place) -> Command {
    // Never bound: with a socket that was handed over there is no need to.
    program(place.folder(), &["--bind", "192.0.2.1:1"])
}

fn hand_over(place: &Place, listener: &TcpListener) -> Command {
    with_socket(&serving(place), listener.try_clone().unwrap())
}

#[test]
fn activated_socket_replaces_the_address() {
    let place = Place::new();
    let (listener, address) = listening();
    let mut server = Server::spawn(hand_over(&place, &listener));
    assert_eq!(server.address, address);
    server.wait_for("--bind is not used");
    let answer = raw(
        &address,
        b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        SECOND,
    );
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn activated_socket_must_be_a_listening_tcp_socket() {
    let place = Place::new();
    let datagrams = UnixDatagram::bind(place.path("datagrams")).unwrap();
    let (listener, address) = listening();
    let connection = TcpStream::connect(address).unwrap();
    let serving = serving(&place);
    let mut several = with_socket(&serving, listener);
    several.env("LISTEN_FDS", "2");
    for (command, why) in [
        (with_socket(&serving, datagrams), "not a valid tcp socket"),
        (with_socket(&serving, connection), "not a listening socket"),
        (several, "2 sockets instead of one"),
    ] {
        let ended = finish(command);
        assert_eq!(ended.status.code(), Some(78), "{}", told(&ended));
        assert!(told(&ended).contains(why), "{}", told(&ended));
    }
}

#[test]
fn a_socket_for_another_process_is_left_alone() {
    let place = Place::new();
    let mut command = program(place.folder(), &["--bind", "127.0.0.1:0"]);
    command.env("LISTEN_FDS", "1").env("LISTEN_PID", "1");
    let mut server = Server::spawn(command);
    assert_eq!(server.logged("--bind is not used"), 0);
}

/// One client after the other, each with a connection of its own.
struct Clients {
    left: Arc<AtomicUsize>,
    threads: Vec<JoinHandle<Tally>>,
}

#[derive(Default)]
struct Tally {
    answered: usize,
    failed: Vec<String>,
    slowest: Duration,
}

impl Clients {
    fn start(connections: usize, address: &str) -> Self {
        let left = Arc::new(AtomicUsize::new(connections));
        let threads = (0..8)
            .map(|_| {
                let (left, address) = (Arc::clone(&left), address.to_owned());
                thread::spawn(move || visit(&left, &address))
            })
            .collect();
        Self { left, threads }
    }

    /// Waits until at most `left` connections are still to come.
    fn wait_for_left(&self, left: usize) {
        while self.left.load(Ordering::Relaxed) > left {
            assert!(
                !self.threads.iter().all(JoinHandle::is_finished),
                "they ended early"
            );
            thread::sleep(Duration::from_millis(1));
        }
    }

    fn finish(self) -> Tally {
        let mut all = Tally::default();
        for thread in self.threads {
            let one = thread.join().unwrap();
            all.answered += one.answered;
            all.failed.extend(one.failed);
            all.slowest = all.slowest.max(one.slowest);
        }
        all
    }
}

fn visit(left: &AtomicUsize, address: &str) -> Tally {
    let take = |left: usize| left.checked_sub(1);
    let mut tally = Tally::default();
    while left
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
        .is_ok()
    {
        let begun = Instant::now();
        match ask(address) {
            Ok(()) => tally.answered += 1,
            Err(error) => tally.failed.push(error.to_string()),
        }
        tally.slowest = tally.slowest.max(begun.elapsed());
    }
    tally
}

fn ask(address: &str) -> std::io::Result<()> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    stream.write_all(b"GET /readyz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.starts_with("HTTP/1.1 200") {
        Ok(())
    } else {
        Err(std::io::Error::new(ErrorKind::InvalidData, answer))
    }
}

#[test]
fn f15_a_restart_under_load_refuses_no_connection() {
    restarts_under_load(1_000, 2);
}

#[test]
#[ignore = "long"]
fn f15_ten_thousand_connections_outlive_four_restarts() {
    restarts_under_load(10_000, 4);
}

/// F15: restarts as systemd does them, the end of the one before the start of the next.
fn restarts_under_load(connections: usize, restarts: usize) {
    let place = Place::new();
    let (listener, address) = listening();
    let mut manager = Manager::new(place.folder());
    let mut start = || {
        let mut command = hand_over(&place, &listener);
        manager.watch(&mut command, Duration::from_secs(30));
        let server = Server::spawn(command);
        manager.hear_of("READY=1");
        server
    };
    let mut server = start();
    let clients = Clients::start(connections, &address);
    let mut away = Duration::ZERO;
    for restart in 1..=restarts {
        clients.wait_for_left(connections - restart * connections / (restarts + 1));
        let begun = Instant::now();
        server.signal("TERM");
        assert_eq!(server.wait().code(), Some(0));
        server = start();
        away = away.max(begun.elapsed());
    }
    let tally = clients.finish();
    println!(
        "F15: {} of {connections} new connections failed over {restarts} restarts; from the \
         signal to ready {away:?} at most, slowest answer {:?}",
        tally.failed.len(),
        tally.slowest
    );
    assert_eq!(tally.failed, [""; 0]);
    assert_eq!(tally.answered, connections);
    assert!(
        tally.slowest <= Duration::from_secs(2),
        "{:?}",
        tally.slowest
    );
}

/// F16 on SQLite, where one instance replaces the other: the newer one migrates while clients wait.
#[test]
fn f16_restart_with_a_migration_refuses_no_connection() {
    const CONNECTIONS: usize = 600;
    let place = Place::new();
    let (listener, address) = listening();
    let mut older = Server::spawn(hand_over(&place, &listener));
    assert_eq!(older.register("ann@x.fr", "a password"), 201);
    let session = older.session("ann@x.fr", "a password");
    let clients = Clients::start(CONNECTIONS, &address);
    clients.wait_for_left(CONNECTIONS / 2);
    older.signal("TERM");
    assert_eq!(older.wait().code(), Some(0));
    // Now the older version's schema lacks a table. The clients wait for the newer one.
    place.sql("DROP TABLE copy_marks");
    place.sql("DELETE FROM __diesel_schema_migrations WHERE version = '202611270001200000'");
    let mut newer = Server::spawn(hand_over(&place, &listener));
    newer.wait_for("schema brought up to date");
    let tally = clients.finish();
    assert_eq!(tally.failed, [""; 0]);
    assert_eq!(tally.answered, CONNECTIONS);
    assert_eq!(newer.profile(&session), 200);
}

/// The same with systemd's own program instead of ours.
#[test]
fn f15_first_connection_starts_the_service() {
    if !has_tool("systemd-socket-activate") {
        return;
    }
    let place = Place::new();
    let free = listening().1;
    let serving = serving(&place);
    let mut command = Command::new("systemd-socket-activate");
    command
        .args(["--listen", &free])
        .arg(serving.get_program())
        .args(serving.get_args())
        .current_dir(place.folder())
        .stderr(std::process::Stdio::null());
    let mut activated = command.spawn().unwrap();
    crate::support::eventually("an answer", || ask(&free).is_ok());
    activated.kill().unwrap();
    activated.wait().unwrap();
}
