//! A login storm: clients that log in as fast as they are answered. It also measures how long
//! requests of users who are already logged in take meanwhile.

use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::try_join_all;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout_at};

use crate::account::Account;
use crate::connection::Connection;
use crate::probe::{Measured, Probe};
use crate::times::{Time, Times};

/// The largest number of accounts: registering one costs the server as much as a login.
const ACCOUNTS: usize = 32;
/// The pause after any other failure than a 503, such as a refused connection.
const AFTER_FAILURE: Duration = Duration::from_millis(100);

/// The results of the logins of one client, or of all clients.
#[derive(Default)]
struct Tally {
    served: Vec<Duration>,
    refused: usize,
    longest_refusal: Option<Duration>,
    failed: usize,
    /// How long the requests had waited that were still unanswered at the end.
    in_flight: Vec<Duration>,
}

pub(crate) fn run(
    address: SocketAddr,
    clients: usize,
    window: Duration,
    patient: bool,
) -> Result<(), Box<dyn Error>> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (accounts, cookie) = runtime.block_on(accounts(address, clients.min(ACCOUNTS)))?;

    let probe = Probe::open(address, &cookie)?;
    let quiet = probe.run(Instant::now(), window / 2).finish()?;

    let probe = Probe::open(address, &cookie)?;
    let connections = runtime.block_on(connections(address, clients))?;
    let start = Instant::now();
    let probing = probe.run(start, window);
    let tally = runtime.block_on(storm(connections, &accounts, start + window, patient))?;
    let during = probing.finish()?;

    let manner = if patient {
        "after Retry-After"
    } else {
        "at once"
    };
    println!("{clients} clients log in for {window:?} and, when refused, retry {manner}");
    report(tally, window, &quiet, &during);
    Ok(())
}

/// Registers the accounts that log in, and one more, whose cookie the probe uses.
async fn accounts(
    address: SocketAddr,
    count: usize,
) -> Result<(Vec<Account>, String), Box<dyn Error>> {
    let names: Vec<String> = (0..count).map(|number| format!("storm{number}")).collect();
    let open = |name| Account::open(address, name);
    let accounts = try_join_all(names.iter().map(|name| open(name))).await?;
    let cookie = open("calm").await?.cookie().await?;
    Ok((accounts, cookie))
}

async fn connections(address: SocketAddr, count: usize) -> Result<Vec<Connection>, Box<dyn Error>> {
    let mut connections = Vec::with_capacity(count);
    while connections.len() < count {
        connections.push(Connection::open(address).await?);
    }
    Ok(connections)
}

/// Logs in on each connection until the end. Connections share the accounts in rotation.
async fn storm(
    connections: Vec<Connection>,
    accounts: &[Account],
    end: Instant,
    patient: bool,
) -> Result<Tally, Box<dyn Error>> {
    let mut clients = JoinSet::new();
    for (connection, account) in connections.into_iter().zip(accounts.iter().cycle()) {
        clients.spawn(client(connection, account.log_in(), end, patient));
    }
    let mut all = Tally::default();
    while let Some(tally) = clients.join_next().await {
        all.add(tally?);
    }
    Ok(all)
}

/// One client in a closed loop. A request that is unanswered at the end counts as in flight.
async fn client(mut connection: Connection, log_in: Vec<u8>, end: Instant, patient: bool) -> Tally {
    let mut tally = Tally::default();
    loop {
        let sent = Instant::now();
        if sent >= end {
            return tally;
        }
        let answer = timeout_at(end.into(), connection.exchange(&log_in)).await;
        let answered = Instant::now();
        let (Ok(answer), true) = (answer, answered < end) else {
            tally.in_flight.push(end - sent);
            return tally;
        };
        let time = answered - sent;
        let pause = match answer {
            Ok(answer) if answer.status == 200 => {
                tally.served.push(time);
                None
            }
            Ok(answer) if answer.status == 503 => {
                tally.refused += 1;
                tally.longest_refusal = tally.longest_refusal.max(Some(time));
                answer.retry_after.filter(|_| patient)
            }
            Ok(_) | Err(_) => {
                tally.failed += 1;
                Some(AFTER_FAILURE)
            }
        };
        if let Some(pause) = pause {
            sleep(pause.min(end.saturating_duration_since(answered))).await;
        }
    }
}

impl Tally {
    fn add(&mut self, other: Self) {
        self.served.extend(other.served);
        self.refused += other.refused;
        self.longest_refusal = self.longest_refusal.max(other.longest_refusal);
        self.failed += other.failed;
        self.in_flight.extend(other.in_flight);
    }
}

fn report(tally: Tally, window: Duration, quiet: &Measured, during: &Measured) {
    let served: Times = tally.served.into_iter().collect();
    let in_flight: Times = tally.in_flight.into_iter().collect();
    #[expect(clippy::cast_precision_loss, reason = "a count of logins")]
    let rate = served.len() as f64 / window.as_secs_f64();
    println!(
        "logins         {rate:.2}/s: {} served, {} refused (the longest took {}), {} failed",
        served.len(),
        tally.refused,
        Time(tally.longest_refusal),
        tally.failed,
    );
    println!(
        "login          p50 {}, p90 {}, p99 {}, max {}; {} in flight at the end, the oldest for {}",
        served.at(500),
        served.at(900),
        served.at(990),
        served.at(1000),
        in_flight.len(),
        in_flight.at(1000),
    );
    println!("profile, quiet {quiet}");
    println!("profile, storm {during}");
    println!(
        "ratio          p50 x{:.1}, p99 x{:.1}",
        during.times.at(500).over(&quiet.times.at(500)),
        during.times.at(990).over(&quiet.times.at(990)),
    );
}
