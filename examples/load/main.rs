//! Generates load on a service on the same machine.
//!
//! ```sh
//! cargo run --release --example load -- http://127.0.0.1:5000 register 500 10 64
//! cargo run --release --example load -- http://127.0.0.1:5000 storm 200 30
//! ```
//!
//! The first form sends requests at a steady rate: URL, request (`register`, `login` or
//! `profile`), requests per second, seconds, connections. The second is a login storm: URL,
//! clients, seconds. A refused client retries at once or, with `patient` at the end, as
//! `Retry-After` says.
//!
//! `passkey` logs in by passkey alone, on as many connections as users: URL, clients, seconds. The
//! service needs `--public-url http://localhost:PORT` then.
//!
//! The other forms are for `benches/load/many`: `people` prints the rows of many users, `many`
//! sends requests with their sessions, and `cases` runs every use case for them. Only loopback
//! addresses are accepted.

#![expect(clippy::print_stdout, reason = "an example prints what it does")]

mod account;
mod cases;
mod connection;
mod many;
mod passkey;
mod people;
mod probe;
mod steady;
mod storm;
mod times;

use std::error::Error;
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use url::Url;

const USAGE: &str = "URL register|login|profile RATE SECONDS CONNECTIONS, \
                     or URL storm CLIENTS SECONDS [patient], \
                     or URL passkey CLIENTS SECONDS, \
                     or people COUNT, or URL cases USERS COUNT, \
                     or URL many PATH one|uniform|zipf USERS SECONDS CONNECTIONS";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match *arguments.as_slice() {
        [url, "storm", clients, seconds] => storm(url, clients, seconds, false),
        [url, "storm", clients, seconds, "patient"] => storm(url, clients, seconds, true),
        [url, "passkey", clients, seconds] => {
            let window = Duration::try_from_secs_f64(seconds.parse()?)?;
            passkey::run(here(url)?, clients.parse()?, window)
        }
        ["people", count] => people::print(count.parse()?),
        [url, "cases", users, count] => cases::run(here(url)?, users.parse()?, count.parse()?),
        [url, "many", path, choice, users, seconds, connections] => many::run(
            here(url)?,
            path,
            choice.parse()?,
            users.parse()?,
            Duration::try_from_secs_f64(seconds.parse()?)?,
            connections.parse()?,
        ),
        [url, scenario, rate, seconds, connections] => {
            let scenario = scenario.parse()?;
            let address = here(url)?;
            let url = format!("http://{address}");
            steady::run(
                &url,
                scenario,
                rate.parse()?,
                seconds.parse()?,
                connections.parse()?,
            )
        }
        _ => Err(USAGE.into()),
    }
}

fn storm(url: &str, clients: &str, seconds: &str, patient: bool) -> Result<(), Box<dyn Error>> {
    let window = Duration::try_from_secs_f64(seconds.parse()?)?;
    let clients = clients.parse()?;
    storm::run(here(url)?, clients, window, patient)
}

/// The first address of a URL that accepts a connection. All of them must be loopback addresses.
fn here(url: &str) -> Result<SocketAddr, Box<dyn Error>> {
    let url: Url = url.parse()?;
    let addresses = url.socket_addrs(|| None)?;
    if url.scheme() != "http" || !addresses.iter().all(|address| address.ip().is_loopback()) {
        return Err("the URL must be http:// with a loopback address".into());
    }
    let answers = |address: &SocketAddr| TcpStream::connect(address).is_ok();
    let address = addresses.into_iter().find(answers);
    Ok(address.ok_or("nothing listens at this URL")?)
}
