//! A closed loop of requests with the sessions of many users: each connection sends the next
//! request when it has the answer to the last one.

use std::cell::Cell;
use std::error::Error;
use std::net::SocketAddr;
use std::rc::Rc;
use std::str::FromStr;
use std::time::{Duration, Instant};

use tokio::runtime::Builder;
use tokio::task::{LocalSet, spawn_local};

use crate::connection::Connection;
use crate::people::{mix, session_id};
use crate::times::Times;

/// The number of different sessions with a uniform choice.
const DIFFERENT: u64 = 20_000;

/// How the user of a request is chosen.
#[derive(Clone, Copy)]
pub(crate) enum Choice {
    One,
    Uniform,
    Zipf,
}

impl FromStr for Choice {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "one" => Ok(Self::One),
            "uniform" => Ok(Self::Uniform),
            "zipf" => Ok(Self::Zipf),
            _ => Err("one, uniform or zipf"),
        }
    }
}

impl Choice {
    /// The user of a request. By Zipf's law with exponent 1, the k-th user makes 1/k times as
    /// many requests as the first.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a random fraction of a count"
    )]
    fn user(self, request: u64, users: u64) -> u64 {
        match self {
            Self::One => 1,
            Self::Uniform => mix(request % DIFFERENT) % users + 1,
            Self::Zipf => {
                let share = mix(request) as f64 / u64::MAX as f64;
                ((users as f64).powf(share) as u64).clamp(1, users)
            }
        }
    }
}

pub(crate) fn run(
    address: SocketAddr,
    path: &str,
    choice: Choice,
    users: u64,
    window: Duration,
    connections: usize,
) -> Result<(), Box<dyn Error>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (next, end) = (Rc::new(Cell::new(0)), Instant::now() + window);
    let mut times = Vec::new();
    LocalSet::new().block_on(&runtime, async {
        let mut clients = Vec::new();
        for _ in 0..connections {
            let (next, path) = (Rc::clone(&next), path.to_owned());
            let connection = Connection::open(address).await?;
            clients.push(spawn_local(async move {
                client(
                    connection,
                    &path,
                    |request| choice.user(request, users),
                    &next,
                    end,
                )
                .await
            }));
        }
        for client in clients {
            times.extend(client.await??);
        }
        Ok::<_, Box<dyn Error>>(())
    })?;
    let times: Times = times.into_iter().collect();
    println!("{} {} {}", times.len(), times.at(500), times.at(990));
    Ok(())
}

async fn client(
    mut connection: Connection,
    path: &str,
    user: impl Fn(u64) -> u64,
    next: &Cell<u64>,
    end: Instant,
) -> Result<Vec<Duration>, String> {
    let mut times = Vec::new();
    loop {
        let sent = Instant::now();
        if sent >= end {
            return Ok(times);
        }
        let user = user(next.replace(next.get() + 1));
        let session = session_id(user);
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: x\r\nCookie: session_id={session}\r\n\r\n");
        let answer = connection.exchange(request.as_bytes()).await;
        let answer = answer.map_err(|error| error.to_string())?;
        if answer.status != 200 {
            return Err(format!(
                "{path} of user {user} is answered {}",
                answer.status
            ));
        }
        times.push(sent.elapsed());
    }
}
