//! Encodes plain numbers as metrics.

use std::fmt::Error;

use prometheus_client::encoding::{
    DescriptorEncoder, EncodeLabelSet, EncodeMetric, MetricEncoder, NoLabelSet,
};
use prometheus_client::metrics::MetricType;

use crate::auth::WaitHistogram;

/// Encodes metrics that are made for one scrape.
pub(super) struct MetricsEncoder<'a>(pub(super) DescriptorEncoder<'a>);

impl MetricsEncoder<'_> {
    /// Encodes a metric without labels.
    pub(super) fn metric(
        &mut self,
        name: &str,
        help: &str,
        metric: &impl EncodeMetric,
    ) -> Result<(), Error> {
        let kind = metric.metric_type();
        metric.encode(self.0.encode_descriptor(name, help, None, kind)?)
    }

    /// Encodes a metric for each set of labels.
    pub(super) fn family<L: EncodeLabelSet, M: EncodeMetric>(
        &mut self,
        name: &str,
        help: &str,
        metrics: impl Iterator<Item = (L, M)>,
    ) -> Result<(), Error> {
        let mut metrics = metrics.peekable();
        let Some((_, first)) = metrics.peek() else {
            return Ok(());
        };
        let kind = first.metric_type();
        let mut family = self.0.encode_descriptor(name, help, None, kind)?;
        for (labels, metric) in metrics {
            metric.encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }
}

/// A histogram of times that were counted elsewhere.
pub(super) struct EncodedHistogram<'a>(pub(super) &'a WaitHistogram);

impl EncodeMetric for EncodedHistogram<'_> {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), Error> {
        let Self(waits) = self;
        let bounds = WaitHistogram::BOUNDS.into_iter().chain([f64::INFINITY]);
        let buckets: Vec<_> = bounds.zip(waits.counts).collect();
        encoder.encode_histogram::<NoLabelSet>(
            waits.total.as_secs_f64(),
            waits.counts.iter().sum(),
            &buckets,
            None,
        )
    }

    fn metric_type(&self) -> MetricType {
        MetricType::Histogram
    }
}
