//! An open loop: sends requests at a fixed rate, whether or not the answers arrive, as real users
//! do. The time of each counts from its scheduled moment.

use std::error::Error;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use reqwest::blocking::{Client, RequestBuilder};

use crate::times::Times;

#[derive(Clone, Copy)]
pub(crate) enum Scenario {
    Register,
    LogIn,
    Profile,
}

impl FromStr for Scenario {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        match name {
            "register" => Ok(Self::Register),
            "login" => Ok(Self::LogIn),
            "profile" => Ok(Self::Profile),
            _ => Err("register, login, profile or storm"),
        }
    }
}

const BOB: [(&str, &str); 2] = [("email", "load@example.org"), ("password", "bob_pwd")];

pub(crate) fn run(
    url: &str,
    scenario: Scenario,
    rate: f64,
    seconds: f64,
    connections: usize,
) -> Result<(), Box<dyn Error>> {
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
    let threads: Vec<_> = (0..connections)
        .map(|_| {
            let (next, url, cookie) = (Arc::clone(&next), url.to_owned(), cookie.clone());
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
        times.extend(thread.join().or(Err("a client thread panicked"))?);
    }
    let wall = start.elapsed();
    let bad = times.iter().filter(|(_, good)| !good).count();
    let times: Times = times.into_iter().map(|(time, _)| time).collect();
    println!(
        "{} requests in {:.1} s, {bad} failed; p50 {}, p99 {}, p99.9 {}, longest {}",
        times.len(),
        wall.as_secs_f64(),
        times.at(500),
        times.at(990),
        times.at(999),
        times.at(1000),
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
