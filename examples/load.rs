//! An open loop: requests leave at a fixed rate whatever comes back, as people do, and each
//! one's time counts from the moment at which it should have left.
//!
//! ```sh
//! cargo run --release --example load -- http://127.0.0.1:5000 register 500 10 64
//! ```
//!
//! That is: where, what (`register`, `login` or `profile`), requests a second, seconds,
//! connections. Only addresses of this machine are taken.

#![expect(clippy::print_stdout, reason = "an example prints what it does")]

use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::blocking::{Client, RequestBuilder};

#[derive(Clone, Copy)]
enum Scenario {
    Register,
    LogIn,
    Profile,
}

const BOB: [(&str, &str); 2] = [("email", "load@example.org"), ("password", "bob_pwd")];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, scenario, rate, seconds, connections] = arguments.as_slice() else {
        return Err("URL register|login|profile RATE SECONDS CONNECTIONS".into());
    };
    if !(url.starts_with("http://127.") || url.starts_with("http://localhost")) {
        return Err("load goes to this machine only".into());
    }
    let scenario = match scenario.as_str() {
        "register" => Scenario::Register,
        "login" => Scenario::LogIn,
        "profile" => Scenario::Profile,
        _ => return Err("register, login or profile".into()),
    };
    let (rate, seconds): (f64, f64) = (rate.parse()?, seconds.parse()?);
    let client = Client::new();
    client.post(format!("{url}/users")).form(&BOB).send()?;
    let answer: serde_json::Value = client
        .post(format!("{url}/sessions"))
        .form(&BOB)
        .send()?
        .json()?;
    let session = answer.get("session_id").and_then(|id| id.as_str());
    let cookie = format!("session_id={}", session.ok_or("cannot log in")?);

    let next = Arc::new(AtomicUsize::new(0));
    let start = Instant::now();
    let threads: Vec<_> = (0..connections.parse()?)
        .map(|_| {
            let (next, url, cookie) = (Arc::clone(&next), url.clone(), cookie.clone());
            thread::spawn(move || {
                let client = Client::new();
                let mut times = Vec::new();
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    #[expect(clippy::cast_precision_loss, reason = "a count of requests")]
                    let at = Duration::from_secs_f64(number as f64 / rate);
                    if at.as_secs_f64() >= seconds {
                        return times;
                    }
                    thread::sleep(at.saturating_sub(start.elapsed()));
                    let request = request(&client, scenario, &url, &cookie, number);
                    let good = request
                        .send()
                        .is_ok_and(|answer| answer.status().is_success() && answer.bytes().is_ok());
                    times.push((start.elapsed().saturating_sub(at), good));
                }
            })
        })
        .collect();
    let mut times = Vec::new();
    for thread in threads {
        times.extend(thread.join().or(Err("a client thread ended in a panic"))?);
    }
    let wall = start.elapsed();
    times.sort();
    let at = |share: usize| {
        let time = times.get((times.len() * share / 1000).min(times.len() - 1));
        time.map_or(0.0, |(time, _)| time.as_secs_f64() * 1000.0)
    };
    let bad = times.iter().filter(|(_, good)| !good).count();
    println!(
        "{} requests in {:.1} s, {bad} without success; p50 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms",
        times.len(),
        wall.as_secs_f64(),
        at(500),
        at(990),
        at(999),
    );
    Ok(())
}

fn request(
    client: &Client,
    scenario: Scenario,
    url: &str,
    cookie: &str,
    number: usize,
) -> RequestBuilder {
    match scenario {
        Scenario::Register => {
            let run = std::process::id();
            let email = format!("u{run}.{number}@example.org");
            let form = [("email", email.as_str()), ("password", "bob_pwd")];
            client.post(format!("{url}/users")).form(&form)
        }
        Scenario::LogIn => client.post(format!("{url}/sessions")).form(&BOB),
        Scenario::Profile => client
            .get(format!("{url}/profile"))
            .header("Cookie", cookie),
    }
}
