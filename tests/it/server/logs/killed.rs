//! The log of a server that is killed lacks the lines of one pass of its event loops at most: on
//! each connection that of the last request.

use std::collections::HashSet;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::support::Place;
use crate::support::program::Server;

const CONNECTIONS: usize = 64;

/// Sends requests one after the other until the server is gone. Returns the ids of those whose
/// answer arrived in full.
fn answered(address: &str, connection: usize, count: &AtomicUsize) -> Vec<String> {
    let mut stream = TcpStream::connect(address).unwrap();
    let mut ids = Vec::new();
    loop {
        let id = format!("killed-{connection}-{}.", ids.len());
        let request = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Request-Id: {id}\r\n\r\n");
        if stream.write_all(request.as_bytes()).is_err() || !is_complete(&mut stream) {
            return ids;
        }
        ids.push(id);
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// Reads one answer. It ends with its body, which is a line.
fn is_complete(stream: &mut TcpStream) -> bool {
    let mut answer = Vec::new();
    let mut part = [0; 4096];
    while !answer.ends_with(b"}\n") {
        match stream.read(&mut part) {
            Ok(0) | Err(_) => return false,
            Ok(length) => answer.extend_from_slice(&part[..length]),
        }
    }
    true
}

fn kill_under_load(times: usize) {
    for time in 0..times {
        let place = Place::new();
        let mut server = Server::start(&place);
        let count = Arc::new(AtomicUsize::new(0));
        let clients: Vec<_> = (0..CONNECTIONS)
            .map(|connection| {
                let (address, count) = (server.address.clone(), Arc::clone(&count));
                thread::spawn(move || answered(&address, connection, &count))
            })
            .collect();
        while count.load(Ordering::Relaxed) < 20 * CONNECTIONS + 37 * time {
            thread::yield_now();
        }
        server.kill();
        let answered: Vec<Vec<String>> = clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .collect();
        let log = server.whole_log();
        let logged: HashSet<&str> = log
            .lines()
            .filter_map(|line| line.split(" request_id=").nth(1))
            .collect();
        let count: usize = answered.iter().map(Vec::len).sum();
        for ids in answered {
            let before_the_last = ids.split_last().map_or([].as_slice(), |(_, before)| before);
            let lost: Vec<_> = before_the_last
                .iter()
                .filter(|id| !logged.contains(id.as_str()))
                .collect();
            assert!(lost.is_empty(), "of {count}, kill {time}: {lost:?}");
        }
    }
}

#[test]
fn a_killed_server_lacks_the_last_lines_at_most() {
    kill_under_load(4);
}

#[test]
#[ignore = "long"]
fn a_server_killed_a_hundred_times_has_logged_the_rest() {
    kill_under_load(100);
}
