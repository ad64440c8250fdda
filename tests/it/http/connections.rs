//! Slow clients and many of them, against the real program.

use std::fs;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::program::{Server, program, raw};
use crate::support::{Place, eventually};

const GET: &str = "GET /profile HTTP/1.1\r\nHost: x\r\n\r\n";
const POST: &str = "POST /sessions HTTP/1.1\r\nHost: x\r\n\
    Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 5000\r\n\r\n";
const DRIP: Duration = Duration::from_millis(500);

/// A client that sends the beginning at once and the rest never, or a byte at a time.
struct Slow {
    stream: TcpStream,
    begun: Instant,
    heard: Vec<u8>,
    closed: Option<Duration>,
}

impl Slow {
    fn start(server: &Server, beginning: &str) -> Self {
        let mut stream = TcpStream::connect(&server.address).unwrap();
        stream.write_all(beginning.as_bytes()).unwrap();
        stream.set_nonblocking(true).unwrap();
        Self {
            stream,
            begun: Instant::now(),
            heard: Vec::new(),
            closed: None,
        }
    }

    /// Reads what is there, and sends one byte more.
    fn go_on(&mut self, drips: bool) {
        let mut buffer = [0; 4096];
        while self.closed.is_none() {
            match self.stream.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Ok(0) | Err(_) => self.closed = Some(self.begun.elapsed()),
                Ok(count) => self.heard.extend_from_slice(&buffer[..count]),
            }
        }
        if drips && self.closed.is_none() {
            drop(self.stream.write(b"a"));
        }
    }

    fn heard(&self) -> String {
        String::from_utf8(self.heard.clone()).unwrap()
    }
}

/// Goes on with all of them until each is closed, and returns when the last one was.
fn until_closed(clients: &mut [Slow], drips: bool) -> Duration {
    let deadline = Instant::now() + Duration::from_secs(40);
    while clients.iter().any(|client| client.closed.is_none()) {
        assert!(Instant::now() < deadline, "some are never closed");
        for client in &mut *clients {
            client.go_on(drips);
        }
        thread::sleep(DRIP);
    }
    clients
        .iter()
        .filter_map(|client| client.closed)
        .max()
        .unwrap()
}

/// Tries clients that drip and clients that send nothing further, at the same time.
fn dripping_and_silent(attempt: &(impl Fn(bool) + Sync)) {
    thread::scope(|scope| {
        for drips in [true, false] {
            scope.spawn(move || attempt(drips));
        }
    });
}

#[test]
#[ignore = "waits for a deadline of 5 seconds"]
fn r80_a_head_that_drips_or_never_comes_is_cut() {
    let place = Place::new();
    let server = Server::start(&place);
    let beginnings = ["", "GET / HT", "GET / HTTP/1.1\r\nX-Long: a"];
    let cut = |drips| {
        let mut clients = beginnings.map(|beginning| Slow::start(&server, beginning));
        let last = until_closed(&mut clients, drips);
        assert!(last < Duration::from_secs(10), "{last:?}");
    };
    dripping_and_silent(&cut);
}

#[test]
#[ignore = "waits for a deadline of 10 seconds"]
fn r80_body_that_drips_or_never_comes_is_408_and_closed() {
    let place = Place::new();
    let server = Server::start(&place);
    let cut = |drips| {
        let mut clients = ["/sessions", "/users"]
            .map(|path| Slow::start(&server, &POST.replace("/sessions", path)));
        let last = until_closed(&mut clients, drips);
        assert!(last < Duration::from_secs(15), "{last:?}");
        for client in clients {
            let heard = client.heard().to_lowercase();
            assert!(heard.starts_with("http/1.1 408"), "{heard}");
            assert!(heard.contains("\r\nconnection: close\r\n"), "{heard}");
            assert!(heard.contains("\r\ncache-control: no-store\r\n"), "{heard}");
            assert!(heard.contains("\r\nx-request-id: "), "{heard}");
            let message = "{\"message\":\"the form took longer than 10 seconds to arrive\"}\n";
            assert!(heard.ends_with(message), "{heard}");
        }
    };
    dripping_and_silent(&cut);
}

/// A chunked form that goes on as fast as it is taken.
const CHUNKED: &str = "POST /sessions HTTP/1.1\r\nHost: x\r\n\
    Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n";

#[test]
fn l8_an_endless_form_is_413_and_closed_in_a_second() {
    let place = Place::new();
    let server = Server::start(&place);
    let mut stream = TcpStream::connect(&server.address).unwrap();
    let mut reader = stream.try_clone().unwrap();
    stream.write_all(CHUNKED.as_bytes()).unwrap();
    let chunk = format!("4000\r\n{}\r\n", "a".repeat(0x4000));
    let writer = thread::spawn(move || while stream.write_all(chunk.as_bytes()).is_ok() {});
    let mut heard = Vec::new();
    let mut buffer = [0; 4096];
    let count = reader.read(&mut buffer).unwrap();
    heard.extend_from_slice(&buffer[..count]);
    let answered = Instant::now();
    writer.join().unwrap();
    let closed = answered.elapsed();
    let heard = String::from_utf8(heard).unwrap();
    assert!(heard.starts_with("HTTP/1.1 413"), "{heard}");
    assert!(closed < Duration::from_secs(1), "{closed:?}");
}

#[test]
#[ignore = "waits for a deadline of 10 seconds"]
fn l8_a_chunked_form_that_drips_is_408_and_closed() {
    let place = Place::new();
    let server = Server::start(&place);
    let mut clients = [Slow::start(&server, &format!("{CHUNKED}ffff\r\n"))];
    let last = until_closed(&mut clients, true);
    assert!(last < Duration::from_millis(11_500), "{last:?}");
    let heard = clients[0].heard();
    assert!(heard.starts_with("HTTP/1.1 408"), "{heard}");
}

#[test]
fn l10_a_head_over_32_kib_is_cut_at_once() {
    let place = Place::new();
    let server = Server::start(&place);
    let begun = Instant::now();
    let head = format!(
        "GET / HTTP/1.1\r\nHost: x\r\nX-Long: {}",
        "a".repeat(33 * 1024)
    );
    let answer = raw(&server.address, head.as_bytes(), Duration::from_secs(4));
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
    let cut = begun.elapsed();
    assert!(cut < Duration::from_secs(2), "{cut:?}");
}

#[test]
fn l10_long_heads_with_their_bodies_are_served() {
    let place = Place::new();
    let server = Server::start(&place);
    let head = |length: usize| {
        format!(
            "POST /sessions HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-Long: {}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 16000\r\n\r\n",
            "a".repeat(length)
        )
    };
    for length in [1_000, 16_000, 31_000] {
        let request = head(length) + "email=bob@x.fr&password=bob&x=" + &"a".repeat(15_970);
        let answer = raw(&server.address, request.as_bytes(), Duration::from_secs(3));
        assert!(answer.starts_with("HTTP/1.1 401"), "{length}: {answer}");
    }
}

#[test]
fn l10_pipelined_requests_are_no_long_head() {
    let place = Place::new();
    let server = Server::start(&place);
    let get = GET.replace(
        "Host: x",
        &format!("Host: x\r\nX-Long: {}", "a".repeat(1000)),
    );
    let last = get.replace("Host: x", "Host: x\r\nConnection: close");
    let answer = raw(
        &server.address,
        (get.repeat(199) + &last).as_bytes(),
        Duration::from_secs(3),
    );
    assert_eq!(answer.matches("HTTP/1.1 403").count(), 200);
}

#[test]
#[ignore = "waits for a deadline of 15 seconds"]
fn r80_a_second_head_that_drips_is_cut() {
    let place = Place::new();
    let server = Server::start(&place);
    let beginning = format!("{GET}GET /pro");
    let mut clients = [Slow::start(&server, &beginning)];
    let last = until_closed(&mut clients, true);
    assert!(last > Duration::from_secs(6), "{last:?}");
    assert!(last < Duration::from_secs(20), "{last:?}");
    assert!(clients[0].heard().starts_with("HTTP/1.1 403"));
}

/// Sends a request on a connection and reads its answer, which has no body.
fn ask(stream: &mut TcpStream) -> String {
    stream.write_all(GET.as_bytes()).unwrap();
    let mut answer = Vec::new();
    let mut buffer = [0; 4096];
    while !answer.ends_with(b"\r\n\r\n") {
        let count = stream.read(&mut buffer).unwrap();
        assert!(count > 0, "closed instead of answered");
        answer.extend_from_slice(&buffer[..count]);
    }
    String::from_utf8(answer).unwrap().to_lowercase()
}

#[test]
fn r80_the_thousandth_response_closes_its_connection() {
    let place = Place::new();
    let server = Server::start(&place);
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.set_nodelay(true).unwrap();
    for number in 1..1000 {
        let answer = ask(&mut stream);
        assert!(!answer.contains("connection: close"), "{number}: {answer}");
    }
    assert!(ask(&mut stream).contains("connection: close"));
    assert_eq!(stream.read(&mut [0; 9]).unwrap(), 0);
}

#[test]
fn r80_cookies_over_8_kib_are_431() {
    let place = Place::new();
    let server = Server::start(&place);
    let ask = |cookie: &str| {
        let request = format!(
            "GET /profile HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: {cookie}\r\n\
             Cookie: b=2\r\n\r\n"
        );
        raw(&server.address, request.as_bytes(), Duration::from_secs(3))
    };
    let most = "a".repeat(8 * 1024 - 3);
    assert!(ask(&most).starts_with("HTTP/1.1 403"));
    let refused = ask(&format!("{most}a"));
    assert!(refused.starts_with("HTTP/1.1 431"), "{refused}");
    assert!(
        refused.contains("x-content-type-options: nosniff"),
        "{refused}"
    );
    let message = "{\"message\":\"the Cookie header is larger than 8 KiB\"}\n";
    assert!(refused.ends_with(message), "{refused}");
}

/// Takes as many descriptors for this process as it may have.
fn raise_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
}

/// Whether a new client is answered at once.
fn serves(server: &Server) -> bool {
    let request = GET.replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n");
    let answer = raw(&server.address, request.as_bytes(), Duration::from_secs(1));
    answer.starts_with("HTTP/1.1 403")
}

#[test]
fn r80_four_hundred_idle_connections_do_not_block_others() {
    raise_descriptors();
    let place = Place::new();
    let server = Server::start(&place);
    let idle: Vec<_> = (0..400)
        .map(|_| TcpStream::connect(&server.address).unwrap())
        .collect();
    for _ in 0..50 {
        assert!(serves(&server));
    }
    drop(idle);
}

#[test]
#[ignore = "waits for deadlines of 10 seconds"]
fn f11_two_thousand_slow_clients_are_cut_and_block_no_other() {
    raise_descriptors();
    let place = Place::new();
    let server = Server::start(&place);
    let mut heads: Vec<_> = (0..1000)
        .map(|_| Slow::start(&server, "GET / HTTP/1.1\r\nX-Long: a"))
        .collect();
    let mut bodies: Vec<_> = (0..1000).map(|_| Slow::start(&server, POST)).collect();
    let (others, last_head, last_body) = thread::scope(|scope| {
        let heads = scope.spawn(|| until_closed(&mut heads, true));
        let bodies = scope.spawn(|| until_closed(&mut bodies, true));
        let mut others = 0;
        while !bodies.is_finished() {
            assert!(serves(&server));
            others += 1;
        }
        (others, heads.join().unwrap(), bodies.join().unwrap())
    });
    println!("f11: {others} others served; heads cut at {last_head:?}, bodies at {last_body:?}");
    assert!(others > 100);
    assert!(last_head < Duration::from_secs(10), "{last_head:?}");
    assert!(last_body < Duration::from_secs(15), "{last_body:?}");
}

/// Processor time that the program has used.
fn computed(server: &Server) -> Duration {
    let stat = fs::read_to_string(format!("/proc/{}/stat", server.pid())).unwrap();
    let (_, rest) = stat.rsplit_once(')').unwrap();
    let ticks = rest.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.map(|text| text.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}

#[test]
#[ignore = "watches a starved server for 3 seconds"]
fn f10_without_descriptors_new_clients_wait_and_nothing_breaks() {
    raise_descriptors();
    let place = Place::new();
    let inner = program(
        place.folder(),
        &["--bind", "127.0.0.1:0", "--bcrypt-cost", "4"],
    );
    let mut command = Command::new("sh");
    command
        .args(["-c", "ulimit -n 128; exec \"$0\" \"$@\""])
        .arg(inner.get_program())
        .args(inner.get_args())
        .current_dir(place.folder());
    for (name, value) in inner.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    let mut server = Server::spawn(command);
    assert_eq!(server.logged("128 file descriptors"), 1);
    let crowd: Vec<_> = (0..500)
        .map(|_| TcpStream::connect(&server.address).unwrap())
        .collect();
    assert!(!serves(&server));
    let before = computed(&server);
    thread::sleep(Duration::from_secs(3));
    let used = computed(&server).saturating_sub(before);
    assert!(used < Duration::from_millis(600), "{used:?} of 3 s");
    drop(crowd);
    let begun = Instant::now();
    eventually("served again", || serves(&server));
    println!(
        "f10: {used:?} of 3 s; served again after {:?}",
        begun.elapsed()
    );
    let form = b"POST /users HTTP/1.1\r\nHost: x\r\nContent-Length: 27\r\nConnection: close\r\n\
        Content-Type: application/x-www-form-urlencoded\r\n\r\nemail=bob@x.fr&password=bob";
    let created = raw(&server.address, form, Duration::from_secs(3));
    assert!(created.starts_with("HTTP/1.1 201"), "{created}");
    assert_eq!(server.logged("ERROR"), 0);
}
