//! Encodes plain numbers as metrics.

use std::fmt::Error;

use prometheus_client::encoding::{DescriptorEncoder, EncodeGaugeValue, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

use crate::auth::{MailOutcome, PoolStats, Waits};

/// Where figures are written that nobody kept as a metric.
pub(super) struct Page<'a>(pub(super) DescriptorEncoder<'a>);

/// A figure of its kind.
pub(super) enum Value {
    /// Goes up and down.
    Gauge(u64),
    /// Goes up by one.
    Count(u64),
    /// Goes up by any step.
    Sum(f64),
}

impl Value {
    fn kind(&self) -> MetricType {
        match self {
            Self::Gauge(_) => MetricType::Gauge,
            Self::Count(_) | Self::Sum(_) => MetricType::Counter,
        }
    }

    fn write(&self, to: &mut MetricEncoder<'_>) -> Result<(), Error> {
        match self {
            Self::Gauge(value) => to.encode_gauge(value),
            Self::Count(value) => to.encode_counter::<NoLabelSet, _, f64>(value, None),
            Self::Sum(value) => to.encode_counter::<NoLabelSet, _, f64>(value, None),
        }
    }
}

impl Page<'_> {
    pub(super) fn gauge(
        &mut self,
        name: &str,
        help: &str,
        value: &impl EncodeGaugeValue,
    ) -> Result<(), Error> {
        self.0
            .encode_descriptor(name, help, None, MetricType::Gauge)?
            .encode_gauge(value)
    }

    pub(super) fn counter(&mut self, name: &str, help: &str, value: u64) -> Result<(), Error> {
        self.0
            .encode_descriptor(name, help, None, MetricType::Counter)?
            .encode_counter::<NoLabelSet, _, f64>(&value, None)
    }

    pub(super) fn each_pool(
        &mut self,
        name: &str,
        help: &str,
        pools: &[PoolStats],
        value: impl Fn(&PoolStats) -> Value,
    ) -> Result<(), Error> {
        let Some(first) = pools.first() else {
            return Ok(());
        };
        let kind = value(first).kind();
        let mut metric = self.0.encode_descriptor(name, help, None, kind)?;
        for pool in pools {
            value(pool).write(&mut metric.encode_family(&[("pool", pool.name)])?)?;
        }
        Ok(())
    }

    pub(super) fn mails(
        &mut self,
        name: &str,
        help: &str,
        mails: &[(MailOutcome, u64)],
    ) -> Result<(), Error> {
        let mut metric = self
            .0
            .encode_descriptor(name, help, None, MetricType::Counter)?;
        for (outcome, count) in mails {
            let labels = [("outcome", outcome.name())];
            let mut one = metric.encode_family(&labels)?;
            one.encode_counter::<NoLabelSet, _, f64>(count, None)?;
        }
        Ok(())
    }

    pub(super) fn waits(&mut self, name: &str, help: &str, waits: &Waits) -> Result<(), Error> {
        let bounds = Waits::BOUNDS.into_iter().chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(waits.counts).collect();
        self.0
            .encode_descriptor(name, help, None, MetricType::Histogram)?
            .encode_histogram::<NoLabelSet>(
                waits.total.as_secs_f64(),
                waits.counts.iter().sum(),
                &buckets,
                None,
            )
    }
}
