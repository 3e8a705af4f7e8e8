//! Metrics in the format of Prometheus.
//!
//! # Design
//! Each layer defines its own families with this registry. A family with an invalid definition counts nothing and is
//! logged once, because metrics must never stop the service. No label has an unbounded set of values. Code that counts
//! often keeps the [`Counter`] or [`Histogram`] of its labels.

use prometheus::core::Collector;
#[cfg(target_os = "linux")]
use prometheus::process_collector::ProcessCollector;
use prometheus::{GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};
use std::time::Duration;

/// The media type of [`MetricsRegistry::text`].
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All families of one service; cheap to clone.
#[derive(Debug, Clone)]
pub struct MetricsRegistry {
    registry: Registry,
}

/// A family of counters.
#[derive(Debug, Clone)]
pub struct Counters(Option<IntCounterVec>);

/// A counter.
#[derive(Debug, Clone)]
pub struct Counter(Option<prometheus::IntCounter>);

/// A family of gauges.
#[derive(Debug, Clone)]
pub struct Gauges(Option<IntGaugeVec>);

/// A gauge.
#[derive(Debug, Clone)]
pub struct Gauge(Option<prometheus::IntGauge>);

/// A gauge in seconds whose value may be unknown.
#[derive(Debug, Clone)]
pub struct Seconds(Option<GaugeVec>);

/// A family of histograms.
#[derive(Debug, Clone)]
pub struct Histograms(Option<HistogramVec>);

/// A histogram.
#[derive(Debug, Clone)]
pub struct Histogram(Option<prometheus::Histogram>);

impl Default for MetricsRegistry {
    fn default() -> Self {
        Self::new()
    }
}

impl MetricsRegistry {
    /// A registry with the metrics of the process, which only Linux has.
    #[must_use]
    pub fn new() -> Self {
        let metrics = Self { registry: Registry::new() };
        #[cfg(target_os = "linux")]
        if let Err(error) = metrics.registry.register(Box::new(ProcessCollector::for_self())) {
            log::error!("the metrics of the process are not available: {error}");
        }
        metrics
    }

    /// Registers a family of counters.
    #[must_use]
    pub fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Counters {
        Counters(self.add(IntCounterVec::new(Opts::new(name, help), labels)))
    }

    /// Registers a counter without labels.
    #[must_use]
    pub fn counter(&self, name: &str, help: &str) -> Counter {
        self.counters(name, help, &[]).of(&[])
    }

    /// Registers a family of gauges.
    #[must_use]
    pub fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Gauges {
        Gauges(self.add(IntGaugeVec::new(Opts::new(name, help), labels)))
    }

    /// Registers a gauge without labels.
    #[must_use]
    pub fn gauge(&self, name: &str, help: &str) -> Gauge {
        self.gauges(name, help, &[]).of(&[])
    }

    /// Registers a gauge in seconds without labels, whose value is unknown.
    #[must_use]
    pub fn seconds(&self, name: &str, help: &str) -> Seconds {
        Seconds(self.add(GaugeVec::new(Opts::new(name, help), &[])))
    }

    /// Registers a family of histograms with these upper bounds.
    #[must_use]
    pub fn histograms(&self, name: &str, help: &str, labels: &[&str], bounds: &[f64]) -> Histograms {
        let options = HistogramOpts::new(name, help).buckets(bounds.to_vec());
        Histograms(self.add(HistogramVec::new(options, labels)))
    }

    /// Registers a histogram without labels.
    #[must_use]
    pub fn histogram(&self, name: &str, help: &str, bounds: &[f64]) -> Histogram {
        self.histograms(name, help, &[], bounds).of(&[])
    }

    /// All families in the text format of Prometheus.
    #[must_use]
    pub fn text(&self) -> String {
        let text = TextEncoder::new().encode_to_string(&self.registry.gather());
        text.unwrap_or_else(|error| {
            log::error!("the metrics cannot be encoded: {error}");
            String::new()
        })
    }

    fn add<C: Collector + Clone + 'static>(&self, family: prometheus::Result<C>) -> Option<C> {
        let registered = family.and_then(|family| {
            self.registry.register(Box::new(family.clone()))?;
            Ok(family)
        });
        registered.map_err(|error| log::error!("a metric family is invalid: {error}")).ok()
    }
}

impl Counters {
    /// The counter of these labels, in the order of the definition.
    #[must_use]
    pub fn of(&self, labels: &[&str]) -> Counter {
        Counter(self.0.as_ref().and_then(|family| family.get_metric_with_label_values(labels).ok()))
    }

    /// Exports these labels from the start, with the value 0.
    pub fn show(&self, labels: &[&str]) {
        drop(self.of(labels));
    }
}

impl Counter {
    /// Adds one.
    pub fn add_one(&self) {
        if let Some(counter) = &self.0 {
            counter.inc();
        }
    }
}

impl Gauges {
    /// The gauge of these labels, in the order of the definition.
    #[must_use]
    pub fn of(&self, labels: &[&str]) -> Gauge {
        Gauge(self.0.as_ref().and_then(|family| family.get_metric_with_label_values(labels).ok()))
    }
}

impl Gauge {
    /// Adds `number`, which may be negative.
    pub fn add(&self, number: i64) {
        if let Some(gauge) = &self.0 {
            gauge.add(number);
        }
    }

    /// Sets the value.
    pub fn set(&self, number: i64) {
        if let Some(gauge) = &self.0 {
            gauge.set(number);
        }
    }
}

impl Seconds {
    /// Sets the value. `None` means unknown, and exports no sample.
    pub fn set(&self, seconds: Option<f64>) {
        let Some(family) = &self.0 else { return };
        match seconds {
            Some(seconds) => family.with_label_values::<&str>(&[]).set(seconds),
            None => family.reset(),
        }
    }
}

impl Histograms {
    /// The histogram of these labels, in the order of the definition.
    #[must_use]
    pub fn of(&self, labels: &[&str]) -> Histogram {
        Histogram(self.0.as_ref().and_then(|family| family.get_metric_with_label_values(labels).ok()))
    }

    /// Exports these labels from the start, without observations.
    pub fn show(&self, labels: &[&str]) {
        drop(self.of(labels));
    }
}

impl Histogram {
    /// Observes a duration, in seconds.
    pub fn observe_duration(&self, time: Duration) {
        self.observe(time.as_secs_f64());
    }

    /// Observes a value.
    pub fn observe(&self, value: f64) {
        if let Some(histogram) = &self.0 {
            histogram.observe(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_exported_and_an_invalid_definition_does_no_harm() {
        let metrics = MetricsRegistry::new();
        let counted = metrics.counters("things_total", "Things.", &["kind"]);
        counted.of(&["small"]).add_one();
        counted.of(&["small"]).add_one();
        counted.of(&["one", "too many"]).add_one();
        metrics.histogram("sizes", "Sizes.", &[1.0, 2.0]).observe(1.5);
        metrics.counters("things_total", "Things once more.", &["kind"]).of(&["small"]).add_one();
        metrics.gauge("no name", "Wrong.").set(3);
        let text = metrics.text();
        for line in ["things_total{kind=\"small\"} 2", "sizes_bucket{le=\"2\"} 1", "sizes_sum 1.5"] {
            assert!(text.lines().any(|found| found == line), "{line} is not in {text}");
        }
        assert!(!text.contains("too many") && !text.contains("no name"), "{text}");
        assert_eq!(text.contains("process_open_fds"), cfg!(target_os = "linux"), "{text}");
    }
}
