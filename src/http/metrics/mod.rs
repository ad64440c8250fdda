//! Metrics in the text format of Prometheus.
//!
//! The registry is built here. [`count_requests`] counts requests; the [`collector`] reads the
//! stats of the use cases at each scrape.

mod collector;
mod encode;
mod requests;
mod row_count;

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use actix_web::web;
use prometheus_client::encoding::text;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::registry::Registry;

pub(super) use requests::{Route, count_requests};

use crate::auth::Auth;
use collector::StatsCollector;
use requests::Requests;

/// The media type of [`Metrics::text`].
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Counts requests, and renders all metrics.
pub(super) struct Metrics {
    requests: Requests,
    registry: Registry,
    started_at: Duration,
}

impl Metrics {
    pub(super) fn new(auth: web::Data<Auth>) -> Self {
        let mut registry = Registry::default();
        let started_at = SystemTime::now().duration_since(UNIX_EPOCH);
        let started_at = started_at.unwrap_or_default();
        registry.register(
            "process_start_time_seconds",
            "When the process started, in seconds since 1970",
            ConstGauge::new(started_at.as_secs_f64()),
        );
        let ours = registry.sub_registry_with_prefix("bienvenue");
        let build = Family::<[(&str, &str); 1], Gauge>::default();
        build
            .get_or_create(&[("version", env!("CARGO_PKG_VERSION"))])
            .set(1);
        ours.register("build_info", "1, by version", build);
        let requests = Requests::register(ours);
        ours.register_collector(Box::new(StatsCollector::new(auth)));
        Self {
            requests,
            registry,
            started_at,
        }
    }

    /// All metrics as text. Blocks for queries of the database.
    pub(super) fn text(&self) -> Result<String, fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }

    /// When the process started, as the time since 1970-01-01 UTC.
    pub(super) fn started_at(&self) -> Duration {
        self.started_at
    }

    fn requests(&self) -> &Requests {
        &self.requests
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
