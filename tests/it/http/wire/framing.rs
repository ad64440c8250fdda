//! Where a request ends: broken heads, doubtful lengths, chunks, and many in a row.

use super::{FORM, ask, numbered_headers, post, send, status};
use crate::support::Place;
use crate::support::program::Server;

#[test]
fn malformed_request_is_answered_400() {
    let place = Place::new();
    let server = Server::start(&place);
    let many = numbered_headers(200);
    for (request, expected) in [
        ("garbage\r\n\r\n".to_owned(), "400"),
        ("GET /\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "400"),
        (
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(),
            "400",
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n".to_owned(),
            "400",
        ),
        (
            "GET / HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n".to_owned(),
            "400",
        ),
        (
            format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(70_000)),
            "431",
        ),
        (format!("GET / HTTP/1.1\r\nHost: x\r\n{many}\r\n"), "431"),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), "400"),
    ] {
        let answer = send(&server, &request);
        assert_eq!(status(&answer), expected, "{request:.60}");
    }
    assert_eq!(status(&ask(&server, "GET /", "", "")), "200");
}

#[test]
fn r48_a_body_whose_length_is_in_doubt_is_refused() {
    let place = Place::new();
    let server = Server::start(&place);
    let chunked = "Transfer-Encoding: chunked\r\n";
    for (headers, text) in [
        ("Content-Length: 1\r\nContent-Length: 1\r\n", "a"),
        (
            "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
            "0\r\n\r\n",
        ),
        (
            "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
            "0\r\n\r\n",
        ),
        ("Transfer-Encoding: gzip, chunked\r\n", "0\r\n\r\n"),
        ("Content-Length: 1, 1\r\n", "a"),
        ("Content-Length: -1\r\n", "a"),
        ("Content-Length: +1\r\n", "a"),
        ("Content-Length: 0x1\r\n", "a"),
        ("Content-Length: 18446744073709551616\r\n", "a"),
        (chunked, "zz\r\nabc\r\n0\r\n\r\n"),
        (chunked, "3\r\nabcX\r\n0\r\n\r\n"),
        (chunked, "ffffffffffffffffff\r\nabc\r\n0\r\n\r\n"),
        (
            "Upgrade: websocket\r\nContent-Length: 28\r\n",
            "email=a@x.org&password=words",
        ),
    ] {
        let answer = ask(&server, "POST /users", &format!("{FORM}{headers}"), text);
        assert_eq!(status(&answer), "400", "{headers}{text}");
    }
    let unknown = post(&server, "/sessions", "email=a@x.org&password=words");
    assert_eq!(status(&unknown), "401");
}

#[test]
fn a_body_in_chunks_is_a_body_and_expect_is_answered() {
    let place = Place::new();
    let server = Server::start(&place);
    let headers = format!("{FORM}Transfer-Encoding: Chunked\r\n");
    let chunks = "11;a=b\r\nemail=a@x.org&pas\r\n7\r\nsword=p\r\n0\r\nX: y\r\n\r\n";
    assert_eq!(
        status(&ask(&server, "POST /users", &headers, chunks)),
        "201"
    );
    let large = format!("4001\r\n{}\r\n0\r\n\r\n", "a".repeat(0x4001));
    assert_eq!(
        status(&ask(&server, "POST /users", &headers, &large)),
        "413"
    );
    let expect = format!("{FORM}Content-Length: 24\r\nExpect: 100-continue\r\n");
    let answer = ask(
        &server,
        "POST /sessions",
        &expect,
        "email=a@x.org&password=p",
    );
    let (first, second) = answer.split_once("\r\n\r\n").unwrap();
    assert_eq!((status(first), status(second)), ("100", "200"));
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let place = Place::new();
    let server = Server::start(&place);
    let form = "email=a@x.org&password=p";
    let post =
        |path| format!("POST {path} HTTP/1.1\r\nHost: x\r\n{FORM}Content-Length: 24\r\n\r\n{form}");
    let get = |path| format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n");
    let last = "GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".to_owned();
    let row = [
        post("/users"),
        get("/"),
        get("/profile"),
        post("/sessions"),
        post("/users"),
        last,
    ];
    let answers = send(&server, row.concat());
    let found: Vec<&str> = answers
        .split("HTTP/1.1 ")
        .skip(1)
        .map(|answer| answer.split(' ').next().unwrap())
        .collect();
    assert_eq!(found, ["201", "200", "403", "200", "400", "404"]);
}
