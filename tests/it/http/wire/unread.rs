//! Clients that write their whole request before they read get their answer all the same.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::FORM;
use crate::support::Place;
use crate::support::program::Server;

/// Writes everything, then reads up to the end of the answer's head. A connection that the
/// server resets before that has lost the answer.
fn write_then_read(server: &Server, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    if stream.write_all(request).is_err() {
        return "the server did not take the body".to_owned();
    }
    let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
    while !answer.windows(4).any(|window| window == b"\r\n\r\n") {
        match stream.read(&mut buffer) {
            Ok(count) if count > 0 => answer.extend_from_slice(&buffer[..count]),
            Ok(_) | Err(_) => break,
        }
    }
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn unread_body_does_not_lose_the_response() {
    let place = Place::new();
    let server = Server::start(&place);
    for (size, times) in [(20 << 10, 40), (100 << 10, 40), (1 << 20, 20)] {
        for (line, headers, expected) in [
            ("POST /users", FORM, "HTTP/1.1 413"),
            ("POST /nowhere", FORM, "HTTP/1.1 404"),
            ("PUT /users", FORM, "HTTP/1.1 405"),
            ("POST /users", "", "HTTP/1.1 415"),
            ("DELETE /sessions", FORM, "HTTP/1.1 403"),
            ("GET /", "", "HTTP/1.1 200"),
        ] {
            let head = format!("{line} HTTP/1.1\r\nHost: x\r\n{headers}");
            let body = "a".repeat(size);
            let announced = format!("{head}Content-Length: {size}\r\n\r\n{body}");
            let chunk = format!("{size:x}\r\n{body}\r\n0\r\n\r\n");
            let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n{chunk}");
            for _ in 0..times {
                for request in [&announced, &chunked] {
                    let answer = write_then_read(&server, request.as_bytes());
                    assert!(answer.starts_with(expected), "{line} {size}: {answer}");
                }
            }
        }
    }
}

#[test]
fn a_body_that_ends_early_is_answered() {
    let place = Place::new();
    let server = Server::start(&place);
    for (headers, body) in [
        ("Content-Length: 50\r\n", "email=a@x.org&password=p"),
        (
            "Transfer-Encoding: chunked\r\n",
            "18\r\nemail=a@x.org&password=p\r\n",
        ),
        ("Transfer-Encoding: chunked\r\n", "18\r\nemail=a@x.org"),
    ] {
        let mut stream = TcpStream::connect(&server.address).unwrap();
        let request = format!("POST /users HTTP/1.1\r\nHost: x\r\n{FORM}{headers}\r\n{body}");
        stream.write_all(request.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert!(
            answer.contains("the body is incomplete or malformed"),
            "{answer}"
        );
    }
}
