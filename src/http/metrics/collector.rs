//! Collects the numbers of `Auth` for the metrics page.

use std::fmt::Error;
use std::sync::{Mutex, PoisonError};

use actix_web::web;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;

use super::encode::{Page, Value};
use crate::auth::{Auth, DatabaseStats, Figures, HasherStats, Outbox, PoolStats};
use crate::domain::SessionDigest;

/// How many sessions one scrape counts: some 20 milliseconds. Where there are more, it takes
/// several scrapes until the gauge is up to date.
const SESSIONS_COUNTED: u32 = 50_000;

/// The sessions as far as they are counted.
#[derive(Debug, Default)]
struct SessionCount {
    /// The result of the last complete count.
    complete: Option<u64>,
    /// The count under way, and the last session in it.
    so_far: u64,
    last: Option<SessionDigest>,
}

/// Asks the use cases for their figures whenever somebody looks.
#[derive(Debug)]
pub(super) struct FiguresCollector {
    auth: web::Data<Auth>,
    sessions: Mutex<SessionCount>,
}

impl FiguresCollector {
    pub(super) fn new(auth: web::Data<Auth>) -> Self {
        Self {
            auth,
            sessions: Mutex::default(),
        }
    }

    /// Counts on, and returns the last complete count; until there is one, what is counted so
    /// far. None where the database fails: an unknown number is not shown.
    fn sessions(&self) -> Option<u64> {
        let mut count = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        match self
            .auth
            .count_sessions(count.last.as_ref(), SESSIONS_COUNTED)
        {
            Ok((counted, last)) => {
                count.so_far += counted;
                count.last = last;
                if last.is_none() {
                    count.complete = Some(std::mem::take(&mut count.so_far));
                }
                Some(count.complete.unwrap_or(count.so_far))
            }
            Err(error) => {
                log::warn!("the sessions are not counted: {error}");
                None
            }
        }
    }
}

impl Collector for FiguresCollector {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let mut page = Page(encoder);
        let Figures {
            hashing,
            pools,
            database,
            mails,
        } = self.auth.figures();
        hashing_figures(&mut page, &hashing)?;
        pool_figures(&mut page, &pools)?;
        if let Some(database) = database {
            database_stats(&mut page, &database)?;
        }
        page.mails(
            "mails",
            "Mails that this instance had in hand, by what became of them.",
            &mails,
        )?;
        match self.auth.outbox() {
            Ok(outbox) => outbox_figures(&mut page, outbox)?,
            Err(error) => log::warn!("the mails that wait are not counted: {error}"),
        }
        if let Some(sessions) = self.sessions() {
            page.gauge(
                "sessions",
                "Sessions in the database that have neither ended nor expired.",
                &sessions,
            )?;
        }
        Ok(())
    }
}

fn hashing_figures(page: &mut Page<'_>, figures: &HasherStats) -> Result<(), Error> {
    page.gauge(
        "hashing_threads",
        "Threads that hash passwords.",
        &count(figures.threads),
    )?;
    page.gauge(
        "hashing_places_taken",
        "Logins and registrations that wait for a hash or are being hashed.",
        &count(figures.places_taken),
    )?;
    page.gauge(
        "hashing_queue_length",
        "Hashes that wait for a thread.",
        &count(figures.waiting),
    )?;
    page.gauge(
        "hashing_queue_max",
        "Hashes that may wait for a thread.",
        &count(figures.waiting_max),
    )?;
    page.gauge(
        "hashing_wait_estimated_seconds",
        "How long who comes now would wait until all before them are served.",
        &figures.estimated_wait.as_secs_f64(),
    )?;
    page.waits(
        "hashing_wait_seconds",
        "How long hashes waited until they were begun.",
        &figures.waits,
    )?;
    page.counter(
        "hashing_refusals",
        "Who was told to come back, because they would have waited too long.",
        figures.refused,
    )
}

fn outbox_figures(page: &mut Page<'_>, outbox: Outbox) -> Result<(), Error> {
    page.gauge(
        "mails_waiting",
        "Mails of all instances that are not sent yet.",
        &outbox.waiting,
    )?;
    page.gauge(
        "mails_waiting_oldest_seconds",
        "For how long the oldest of them waits; 0 if there is none.",
        &outbox.oldest.as_secs_f64(),
    )
}

fn pool_figures(page: &mut Page<'_>, pools: &[PoolStats]) -> Result<(), Error> {
    page.each_pool(
        "db_connections_in_use",
        "Connections to the database that somebody works on.",
        pools,
        |pool| Value::Gauge(pool.in_use.into()),
    )?;
    page.each_pool(
        "db_connections_idle",
        "Connections to the database that are open and free.",
        pools,
        |pool| Value::Gauge(pool.idle.into()),
    )?;
    page.each_pool(
        "db_connections_max",
        "Connections to the database that there may be.",
        pools,
        |pool| Value::Gauge(pool.max.into()),
    )?;
    page.each_pool(
        "db_checkouts",
        "How often a connection was handed out.",
        pools,
        |pool| Value::Count(pool.checkouts),
    )?;
    page.each_pool(
        "db_checkout_wait_seconds",
        "How long those who got a connection waited for it together.",
        pools,
        |pool| Value::Sum(pool.waited.as_secs_f64()),
    )?;
    page.each_pool(
        "db_checkout_timeouts",
        "How often somebody waited for a connection in vain.",
        pools,
        |pool| Value::Count(pool.timeouts),
    )
}

fn database_stats(page: &mut Page<'_>, stats: &DatabaseStats) -> Result<(), Error> {
    page.gauge(
        "db_damaged",
        "1 if the database file was found damaged and no check has passed since, else 0.",
        &u64::from(stats.damage.is_some()),
    )?;
    page.counter(
        "db_integrity_check_rows",
        "Rows and index entries that the integrity check has read.",
        stats.integrity.rows,
    )?;
    if let Some(at) = stats.integrity.last_success {
        page.gauge(
            "db_integrity_check_last_success_timestamp_seconds",
            "When an integrity check last found no damage, in seconds since 1970.",
            &at.seconds(),
        )?;
    }
    page.gauge(
        "db_wal_bytes",
        "Size of the write-ahead log beside the database file.",
        &stats.wal_bytes,
    )
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
