//! What is counted and measured while the service runs, and how Prometheus reads it.
//!
//! # Design
//! Each floor names its own families here; this one knows only numbers. A family whose definition is not accepted
//! counts nothing and says so once in the log: numbers about the service never keep it from serving. No label has an
//! open set of values, and whoever counts often keeps the [`Counter`] or [`Histogram`] of its labels.

use prometheus::core::Collector;
#[cfg(target_os = "linux")]
use prometheus::process_collector::ProcessCollector;
use prometheus::{GaugeVec, HistogramOpts, HistogramVec, IntCounterVec, IntGaugeVec, Opts, Registry, TextEncoder};
use std::time::Duration;

/// The media type of the text that [`MetricsRegistry::text`] makes.
pub const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// All families of one service; cheap to clone.
#[derive(Debug, Clone)]
pub struct MetricsRegistry {
    registry: Registry,
}

/// A family of numbers that only grow.
#[derive(Debug, Clone)]
pub struct Counters(Option<IntCounterVec>);

/// One of them.
#[derive(Debug, Clone)]
pub struct Counter(Option<prometheus::IntCounter>);

/// A family of numbers that rise and fall.
#[derive(Debug, Clone)]
pub struct Gauges(Option<IntGaugeVec>);

/// One of them.
#[derive(Debug, Clone)]
pub struct Gauge(Option<prometheus::IntGauge>);

/// A time that rises and falls, and is not always known.
#[derive(Debug, Clone)]
pub struct Seconds(Option<GaugeVec>);

/// A family of distributions.
#[derive(Debug, Clone)]
pub struct Histograms(Option<HistogramVec>);

/// One of them.
#[derive(Debug, Clone)]
pub struct Histogram(Option<prometheus::Histogram>);

impl Default for MetricsRegistry {
    fn default() -> Self {
        Self::new()
    }
}

impl MetricsRegistry {
    /// Nothing but what the kernel knows of the process.
    #[must_use]
    pub fn new() -> Self {
        let metrics = Self { registry: Registry::new() };
        #[cfg(target_os = "linux")]
        if let Err(error) = metrics.registry.register(Box::new(ProcessCollector::for_self())) {
            log::error!("the process is not measured: {error}");
        }
        metrics
    }

    /// A new family of counters.
    #[must_use]
    pub fn counters(&self, name: &str, help: &str, labels: &[&str]) -> Counters {
        Counters(self.add(IntCounterVec::new(Opts::new(name, help), labels)))
    }

    /// A counter without labels.
    #[must_use]
    pub fn counter(&self, name: &str, help: &str) -> Counter {
        self.counters(name, help, &[]).of(&[])
    }

    /// A new family of gauges.
    #[must_use]
    pub fn gauges(&self, name: &str, help: &str, labels: &[&str]) -> Gauges {
        Gauges(self.add(IntGaugeVec::new(Opts::new(name, help), labels)))
    }

    /// A gauge without labels.
    #[must_use]
    pub fn gauge(&self, name: &str, help: &str) -> Gauge {
        self.gauges(name, help, &[]).of(&[])
    }

    /// A time without labels, which nobody knows yet.
    #[must_use]
    pub fn seconds(&self, name: &str, help: &str) -> Seconds {
        Seconds(self.add(GaugeVec::new(Opts::new(name, help), &[])))
    }

    /// A new family of histograms with these upper bounds.
    #[must_use]
    pub fn histograms(&self, name: &str, help: &str, labels: &[&str], bounds: &[f64]) -> Histograms {
        let options = HistogramOpts::new(name, help).buckets(bounds.to_vec());
        Histograms(self.add(HistogramVec::new(options, labels)))
    }

    /// A histogram without labels.
    #[must_use]
    pub fn histogram(&self, name: &str, help: &str, bounds: &[f64]) -> Histogram {
        self.histograms(name, help, &[], bounds).of(&[])
    }

    /// Everything as Prometheus reads it.
    #[must_use]
    pub fn text(&self) -> String {
        let text = TextEncoder::new().encode_to_string(&self.registry.gather());
        text.unwrap_or_else(|error| {
            log::error!("the metrics cannot be written: {error}");
            String::new()
        })
    }

    fn add<C: Collector + Clone + 'static>(&self, family: prometheus::Result<C>) -> Option<C> {
        let kept = family.and_then(|family| {
            self.registry.register(Box::new(family.clone()))?;
            Ok(family)
        });
        kept.map_err(|error| log::error!("a family of metrics is not accepted: {error}")).ok()
    }
}

impl Counters {
    /// The counter of these labels, in the order of the definition.
    #[must_use]
    pub fn of(&self, labels: &[&str]) -> Counter {
        Counter(self.0.as_ref().and_then(|family| family.get_metric_with_label_values(labels).ok()))
    }

    /// Shows these labels from the start, with nothing counted.
    pub fn show(&self, labels: &[&str]) {
        drop(self.of(labels));
    }
}

impl Counter {
    /// One more.
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
    /// So many more, or fewer.
    pub fn add(&self, number: i64) {
        if let Some(gauge) = &self.0 {
            gauge.add(number);
        }
    }

    /// So many.
    pub fn set(&self, number: i64) {
        if let Some(gauge) = &self.0 {
            gauge.set(number);
        }
    }
}

impl Seconds {
    /// So long; `None` while nobody knows, and then there is no such line.
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

    /// Shows these labels from the start, with nothing measured.
    pub fn show(&self, labels: &[&str]) {
        drop(self.of(labels));
    }
}

impl Histogram {
    /// One more that took so long.
    pub fn observe_duration(&self, time: Duration) {
        self.observe(time.as_secs_f64());
    }

    /// One more of this size.
    pub fn observe(&self, size: f64) {
        if let Some(histogram) = &self.0 {
            histogram.observe(size);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_in_the_text_and_a_wrong_definition_harms_nobody() {
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
