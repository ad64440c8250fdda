//! Collects the stats of the use cases for the metrics.

use std::fmt::Error;

use actix_web::web;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use super::encode::{EncodedHistogram, MetricsEncoder};
use super::row_count::RowCount;
use crate::auth::{Auth, AuthStats, DatabaseStats, HasherStats, OutboxStats, PoolStats};
use crate::domain::{PasskeyId, SessionDigest, UserId};

/// Collects the stats of the use cases at each scrape.
#[derive(Debug)]
pub(super) struct StatsCollector {
    auth: web::Data<Auth>,
    sessions: RowCount<SessionDigest>,
    totp: RowCount<UserId>,
    passkeys: RowCount<PasskeyId>,
}

impl StatsCollector {
    pub(super) fn new(auth: web::Data<Auth>) -> Self {
        Self {
            auth,
            sessions: RowCount::of("sessions"),
            totp: RowCount::of("authenticator apps"),
            passkeys: RowCount::of("passkeys"),
        }
    }

    /// The numbers of second factors, by kind. A kind that cannot be counted is left out.
    fn second_factors(&self) -> impl Iterator<Item = (&'static str, u64)> {
        let auth = &self.auth;
        let totp = self.totp.go_on(|after, step| auth.count_totp(after, step));
        let passkeys = self
            .passkeys
            .go_on(|after, step| auth.count_passkeys(after, step));
        let counts = [("totp", totp), ("passkey", passkeys)];
        counts
            .into_iter()
            .filter_map(|(kind, count)| Some((kind, count?)))
    }
}

impl Collector for StatsCollector {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        let mut encoder = MetricsEncoder(encoder);
        let AuthStats {
            hashing,
            pools,
            database,
            mails,
        } = self.auth.stats();
        encode_hasher(&mut encoder, &hashing)?;
        encode_pools(&mut encoder, &pools)?;
        if let Some(database) = database {
            encode_database(&mut encoder, &database)?;
        }
        encoder.family(
            "mails",
            "Mails that this instance has tried to send, by outcome.",
            mails
                .iter()
                .map(|(outcome, count)| ([("outcome", outcome.name())], ConstCounter::new(*count))),
        )?;
        match self.auth.outbox() {
            Ok(outbox) => encode_outbox(&mut encoder, outbox)?,
            Err(error) => log::warn!("cannot count the queued mails for the metrics: {error}"),
        }
        let sessions = self
            .sessions
            .go_on(|after, step| self.auth.count_sessions(after.as_ref(), step));
        if let Some(sessions) = sessions {
            encoder.metric(
                "sessions",
                "Sessions in the database that have neither ended nor expired.",
                &ConstGauge::new(sessions),
            )?;
        }
        encoder.family(
            "second_factors",
            "Second factors of all users, by kind.",
            self.second_factors()
                .map(|(kind, count)| ([("kind", kind)], ConstGauge::new(count))),
        )
    }
}

fn encode_hasher(encoder: &mut MetricsEncoder<'_>, stats: &HasherStats) -> Result<(), Error> {
    encoder.metric(
        "hashing_threads",
        "Threads that hash passwords.",
        &ConstGauge::new(count(stats.threads)),
    )?;
    encoder.metric(
        "hashing_places_taken",
        "Logins and registrations that wait for a hash or are being hashed.",
        &ConstGauge::new(count(stats.places_taken)),
    )?;
    encoder.metric(
        "hashing_queue_length",
        "Hashes that wait for a thread.",
        &ConstGauge::new(count(stats.waiting)),
    )?;
    encoder.metric(
        "hashing_queue_max",
        "Hashes that may wait for a thread.",
        &ConstGauge::new(count(stats.waiting_max)),
    )?;
    encoder.metric(
        "hashing_wait_estimated_seconds",
        "How long a new hash would wait until all before it are done.",
        &ConstGauge::new(stats.estimated_wait.as_secs_f64()),
    )?;
    encoder.metric(
        "hashing_wait_seconds",
        "How long hashes waited until they were begun.",
        &EncodedHistogram(&stats.waits),
    )?;
    encoder.metric(
        "hashing_refusals",
        "Requests that were refused because their hash would have waited too long.",
        &ConstCounter::new(stats.refused),
    )
}

fn encode_outbox(encoder: &mut MetricsEncoder<'_>, outbox: OutboxStats) -> Result<(), Error> {
    encoder.metric(
        "mails_waiting",
        "Mails of all instances that are not sent yet.",
        &ConstGauge::new(outbox.waiting),
    )?;
    encoder.metric(
        "mails_waiting_oldest_seconds",
        "Age of the oldest of them; 0 if there is none.",
        &ConstGauge::new(outbox.oldest.as_secs_f64()),
    )
}

fn encode_pools(encoder: &mut MetricsEncoder<'_>, pools: &[PoolStats]) -> Result<(), Error> {
    each_pool(
        encoder,
        "db_connections_in_use",
        "Connections to the database in use.",
        pools,
        |pool| ConstGauge::new(u64::from(pool.in_use)),
    )?;
    each_pool(
        encoder,
        "db_connections_idle",
        "Connections to the database that are open and free.",
        pools,
        |pool| ConstGauge::new(u64::from(pool.idle)),
    )?;
    each_pool(
        encoder,
        "db_connections_max",
        "Largest number of connections to the database.",
        pools,
        |pool| ConstGauge::new(u64::from(pool.max)),
    )?;
    each_pool(
        encoder,
        "db_checkouts",
        "How often a connection was taken from the pool.",
        pools,
        |pool| ConstCounter::new(pool.checkouts),
    )?;
    each_pool(
        encoder,
        "db_checkout_wait_seconds",
        "Sum of the waits for connections.",
        pools,
        |pool| ConstCounter::new(pool.waited.as_secs_f64()),
    )?;
    each_pool(
        encoder,
        "db_checkout_timeouts",
        "How often a wait for a connection timed out.",
        pools,
        |pool| ConstCounter::new(pool.timeouts),
    )
}

fn encode_database(encoder: &mut MetricsEncoder<'_>, stats: &DatabaseStats) -> Result<(), Error> {
    encoder.metric(
        "db_damaged",
        "1 if the database file was found damaged and no check has passed since, else 0.",
        &ConstGauge::new(u64::from(stats.damage.is_some())),
    )?;
    encoder.metric(
        "db_integrity_check_rows",
        "Rows and index entries that the integrity check has read.",
        &ConstCounter::new(stats.integrity.rows),
    )?;
    if let Some(at) = stats.integrity.last_success {
        encoder.metric(
            "db_integrity_check_last_success_timestamp_seconds",
            "When an integrity check last found no damage, in seconds since 1970.",
            &ConstGauge::new(at.seconds()),
        )?;
    }
    encoder.metric(
        "db_wal_bytes",
        "Size of the write-ahead log beside the database file.",
        &ConstGauge::new(stats.wal_bytes),
    )
}

fn each_pool<M: EncodeMetric>(
    encoder: &mut MetricsEncoder<'_>,
    name: &str,
    help: &str,
    pools: &[PoolStats],
    metric: impl Fn(&PoolStats) -> M,
) -> Result<(), Error> {
    let metrics = pools
        .iter()
        .map(|pool| ([("pool", pool.name)], metric(pool)));
    encoder.family(name, help, metrics)
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
