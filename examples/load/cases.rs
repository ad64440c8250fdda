//! Measures every use case, with one request after the other and users from `people`.
//!
//! The use cases take turns, so that a disturbance affects all of them.

use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use tokio::runtime::Builder;

use crate::connection::Connection;
use crate::people::{PASSWORD, email, mix, reset_token, session_id};
use crate::times::Times;

/// A use case: its name, its request, the expected status, and its block of users. Use cases
/// that end a session or spend a token have a block of their own.
type Case = (&'static str, fn(u64, u64) -> Request, u16, u64);

struct Request {
    line: &'static str,
    user: u64,
    form: Option<String>,
}

const CASES: [Case; 12] = [
    (
        "login",
        |user, _| {
            form(
                "POST /sessions",
                user,
                &format!("email={}&password={PASSWORD}", email(user)),
            )
        },
        200,
        0,
    ),
    (
        "failed-login",
        |user, _| {
            form(
                "POST /sessions",
                user,
                &format!("email={}&password=wrong-password", email(user)),
            )
        },
        401,
        1,
    ),
    (
        "registration",
        |user, run| {
            form(
                "POST /users",
                user,
                &format!("email=new{run}.{user}@example.org&password={PASSWORD}"),
            )
        },
        201,
        1,
    ),
    (
        "reset-request",
        |user, _| {
            form(
                "POST /reset_password",
                user,
                &format!("email={}", email(user)),
            )
        },
        200,
        1,
    ),
    (
        "reset",
        |user, _| {
            form(
                "PUT /reset_password",
                user,
                &format!(
                    "email={}&reset_token={}&new_password=another-{PASSWORD}",
                    email(user),
                    reset_token(user)
                ),
            )
        },
        200,
        2,
    ),
    (
        "change-password",
        |user, _| {
            form(
                "PUT /profile/password",
                user,
                &format!("current_password={PASSWORD}&new_password=another-{PASSWORD}"),
            )
        },
        200,
        3,
    ),
    (
        "change-email",
        |user, run| {
            form(
                "PUT /profile/email",
                user,
                &format!("email=moved{run}.{user}@example.org&current_password={PASSWORD}"),
            )
        },
        200,
        4,
    ),
    ("sessions", |user, _| bare("GET /sessions", user), 200, 5),
    ("logout", |user, _| bare("DELETE /sessions", user), 200, 6),
    ("profile", |user, _| bare("GET /profile", user), 200, 5),
    ("verify", |user, _| bare("GET /verify", user), 200, 5),
    (
        "export",
        |user, _| bare("GET /profile/export", user),
        200,
        5,
    ),
];
const BLOCKS: u64 = 7;

fn form(line: &'static str, user: u64, fields: &str) -> Request {
    Request {
        line,
        user,
        form: Some(fields.to_owned()),
    }
}

fn bare(line: &'static str, user: u64) -> Request {
    Request {
        line,
        user,
        form: None,
    }
}

impl Request {
    /// The request with an address in another network each time, so that no limit is reached.
    fn bytes(&self, number: u64) -> Vec<u8> {
        let Self { line, user, form } = self;
        let [a, b, c, d, ..] = mix(number).to_be_bytes();
        let (a, session) = (a % 100 + 11, session_id(*user));
        let head = format!(
            "{line} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: {a}.{b}.{c}.{d}\r\nCookie: session_id={session}\r\n"
        );
        match form {
            Some(form) => format!(
                "{head}Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{form}",
                form.len()
            ),
            None => format!("{head}\r\n"),
        }
        .into_bytes()
    }
}

/// Prints a line for each use case: name, p50 and p99 in microseconds.
pub(crate) fn run(address: SocketAddr, users: u64, count: u64) -> Result<(), Box<dyn Error>> {
    if users < BLOCKS * count {
        return Err(format!("USERS must be at least {BLOCKS} times COUNT").into());
    }
    let run = u64::from(std::process::id());
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); CASES.len()];
    runtime.block_on(async {
        let mut connection = Connection::open(address).await?;
        let mut number = run << 32;
        for turn in 0..count {
            for ((name, request, status, block), times) in CASES.iter().zip(&mut times) {
                // The users are spread over the whole table.
                let user = (block * count + turn) * (users / (BLOCKS * count)) + 1;
                number += 1;
                let request = request(user, run).bytes(number);
                let sent = Instant::now();
                let answer = connection.exchange(&request).await?;
                times.push(sent.elapsed());
                if answer.status != *status {
                    let body = String::from_utf8_lossy(&answer.body);
                    return Err(format!("{name} of {user}: {} {body}", answer.status).into());
                }
            }
        }
        Ok::<_, Box<dyn Error>>(())
    })?;
    for ((name, ..), times) in CASES.iter().zip(times) {
        let times: Times = times.into_iter().collect();
        let at = |share| times.at(share).0.unwrap_or_default().as_micros();
        println!("{name} {} {}", at(500), at(990));
    }
    Ok(())
}
