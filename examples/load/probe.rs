//! Measures `GET /profile` in an open loop while other load runs: 200 requests per second,
//! whether or not the answers arrive. The time of each counts from its scheduled moment.
//!
//! Each connection has a thread, because the runtime's timer has a resolution of a millisecond,
//! which is longer than a request takes.

use std::error::Error;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::time::timeout;

use crate::connection::Connection;
use crate::times::Times;

const CONNECTIONS: usize = 64;
const INTERVAL: Duration = Duration::from_millis(5);
const PATIENCE: Duration = Duration::from_secs(30);

/// Open connections, ready to start.
pub(crate) struct Probe {
    lines: Vec<(Runtime, Connection)>,
    request: Arc<str>,
}

/// A running probe.
pub(crate) struct Running(Vec<JoinHandle<Vec<Sample>>>);

/// The result of a probe.
pub(crate) struct Measured {
    /// From the scheduled moment of a request to its successful answer.
    pub(crate) times: Times,
    failed: usize,
    /// How late the probe sent its requests. The times include this.
    late: Times,
}

struct Sample {
    late: Duration,
    time: Duration,
    good: bool,
}

impl Probe {
    pub(crate) fn open(address: SocketAddr, cookie: &str) -> io::Result<Self> {
        let line = |_| {
            let runtime = Builder::new_current_thread().enable_all().build()?;
            let connection = runtime.block_on(Connection::open(address))?;
            Ok((runtime, connection))
        };
        Ok(Self {
            lines: (0..CONNECTIONS).map(line).collect::<io::Result<_>>()?,
            request: format!(
                "GET /profile HTTP/1.1\r\nHost: {address}\r\nCookie: {cookie}\r\n\r\n"
            )
            .into(),
        })
    }

    /// Starts sending requests, until `window` has passed since `start`.
    pub(crate) fn run(self, start: Instant, window: Duration) -> Running {
        let next = Arc::new(AtomicU32::new(0));
        let threads = self.lines.into_iter().map(|(runtime, mut connection)| {
            let (next, request) = (Arc::clone(&next), Arc::clone(&self.request));
            thread::spawn(move || {
                let mut samples = Vec::new();
                loop {
                    let at = INTERVAL * next.fetch_add(1, Ordering::Relaxed);
                    if at >= window {
                        return samples;
                    }
                    thread::sleep(at.saturating_sub(start.elapsed()));
                    let late = start.elapsed().saturating_sub(at);
                    let answer = runtime.block_on(async {
                        timeout(PATIENCE, connection.exchange(request.as_bytes())).await
                    });
                    samples.push(Sample {
                        late,
                        time: start.elapsed().saturating_sub(at),
                        good: answer.is_ok_and(|a| a.is_ok_and(|a| a.status == 200)),
                    });
                }
            })
        });
        Running(threads.collect())
    }
}

impl Running {
    pub(crate) fn finish(self) -> Result<Measured, Box<dyn Error>> {
        let mut samples = Vec::new();
        for thread in self.0 {
            samples.extend(thread.join().or(Err("a thread of the probe panicked"))?);
        }
        let good = samples.iter().filter(|sample| sample.good);
        let times: Times = good.map(|sample| sample.time).collect();
        Ok(Measured {
            failed: samples.len() - times.len(),
            late: samples.iter().map(|sample| sample.late).collect(),
            times,
        })
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "p50 {}, p99 {}, max {}; {} answered, {} failed; sent late by p50 {}, p99 {}",
            self.times.at(500),
            self.times.at(990),
            self.times.at(1000),
            self.times.len(),
            self.failed,
            self.late.at(500),
            self.late.at(990),
        )
    }
}
