//! The metrics of the store.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::metrics::{Counters, Gauge, Gauges, Histogram, Histograms, MetricsRegistry};
use crate::model::change::ChangeLogState;
use crate::store::fault::{DEADLOCK, FOREIGN_KEY, LOST, SERIALIZATION, UNIQUE};

/// Upper bounds of buckets, in seconds: a read from memory takes tens of microseconds, a wait for a lock seconds.
const SECONDS: &[f64] =
    &[0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
const WRITES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// The metric families of the store.
#[derive(Debug)]
pub(in crate::store) struct StoreMetrics {
    /// All families of the program.
    pub all: MetricsRegistry,
    durations: Histograms,
    queued: Gauge,
    retries: Counters,
    commits: Histogram,
    rule_refusals: Counters,
    connections: Gauges,
    changes: Gauge,
    unnumbered_changes: Gauge,
    oldest_change: Gauge,
}

/// Connections to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct ConnectionCounts {
    /// Those in use by a job.
    pub busy: u32,
    /// Those in the pool.
    pub idle: u32,
}

impl ConnectionCounts {
    /// Sets the gauges of a family with the label `state`.
    pub fn show(self, family: &Gauges) {
        family.of(&["busy"]).set(self.busy.into());
        family.of(&["idle"]).set(self.idle.into());
    }
}

impl StoreMetrics {
    pub fn new() -> Arc<Self> {
        let all = MetricsRegistry::new();
        let metrics = Self {
            durations: all.histograms(
                "store_job_duration_seconds",
                "Duration of a job, from its request to its result.",
                &["job"],
                SECONDS,
            ),
            queued: all.gauge("store_jobs_queued", "Jobs that wait to begin."),
            retries: all.counters(
                "store_retries_total",
                "Retries of jobs, by the SQLSTATE of the conflict or lost connection.",
                &["code"],
            ),
            commits: all.histogram("writes_per_commit", "Writes that shared a commit.", WRITES),
            rule_refusals: all.counters(
                "rule_refusals_total",
                "Relationships that a rule of their type refused.",
                &["rule"],
            ),
            changes: all.gauge("changes_rows", "Changes in the change log."),
            unnumbered_changes: all.gauge("changes_unnumbered", "Committed changes without a number, at most 100,001."),
            oldest_change: all.gauge(
                "changes_oldest_timestamp_seconds",
                "Time from which the change log is complete, in seconds since 1970; 0 while it is off.",
            ),
            connections: all.gauges("store_connections", "Connections to the database.", &["state"]),
            all,
        };
        // Shows every family in the first scrape.
        metrics.durations.show(&["health.schema"]);
        for code in [UNIQUE, FOREIGN_KEY, SERIALIZATION, DEADLOCK, LOST] {
            metrics.retries.show(&[code]);
        }
        for rule in ["acyclic", "depth", "max-per-user", "symmetric"] {
            metrics.rule_refusals.show(&[rule]);
        }
        Arc::new(metrics)
    }

    /// Starts to measure a job; dropping the result ends it.
    pub fn time(self: &Arc<Self>, job: &'static str) -> JobTimer {
        JobTimer { metrics: Arc::clone(self), job, since: Instant::now() }
    }

    /// Starts to follow a job from the queue through its attempts.
    pub fn follow(self: &Arc<Self>) -> JobTracker {
        self.queued.add(1);
        JobTracker { metrics: Arc::clone(self), has_begun: Cell::new(false), code: Cell::new(None) }
    }

    /// Counts a job that runs again because its connection was dead.
    pub fn count_lost_connection(&self) {
        self.retries.of(&[LOST]).add_one();
    }

    /// Counts a relationship that a rule refused.
    pub fn count_rule_refusal(&self, rule: &'static str) {
        self.rule_refusals.of(&[rule]).add_one();
    }

    /// Counts a commit of that many writes.
    pub fn count_commit(&self, writes: usize) {
        self.commits.observe(f64::from(u32::try_from(writes).unwrap_or(u32::MAX)));
    }

    /// Sets the gauges of the change log.
    pub fn set_changes(&self, log: &ChangeLogState, unnumbered: i64) {
        self.changes.set(log.last_number - log.horizon.position.number);
        self.unnumbered_changes.set(unnumbered);
        self.oldest_change.set(if log.is_on { log.horizon.at.micros() / 1_000_000 } else { 0 });
    }

    /// Sets the gauges of the connections.
    pub fn set_connections(&self, connections: ConnectionCounts) {
        connections.show(&self.connections);
    }
}

/// Measures the duration of a job, which ends when this is dropped.
pub(in crate::store) struct JobTimer {
    metrics: Arc<StoreMetrics>,
    job: &'static str,
    since: Instant,
}

impl JobTimer {
    /// The name of the job.
    pub fn job(&self) -> &'static str {
        self.job
    }

    /// When a job that may take at most `longest` must have ended; `None` for a job without a limit.
    pub fn deadline(&self, longest: Option<Duration>) -> Option<Instant> {
        longest.and_then(|longest| self.since.checked_add(longest))
    }
}

impl Drop for JobTimer {
    fn drop(&mut self) {
        self.metrics.durations.of(&[self.job]).observe_duration(self.since.elapsed());
    }
}

/// Follows a job: moves with it to the thread that runs it, and counts its further attempts.
pub(in crate::store) struct JobTracker {
    metrics: Arc<StoreMetrics>,
    has_begun: Cell<bool>,
    code: Cell<Option<&'static str>>,
}

impl JobTracker {
    /// Runs an attempt, which returns its result and, after a conflict, the SQLSTATE of that.
    pub fn attempt<T>(&self, run: impl FnOnce() -> (T, Option<&'static str>)) -> T {
        if !self.has_begun.replace(true) {
            self.metrics.queued.add(-1);
        } else if let Some(code) = self.code.get() {
            self.metrics.retries.of(&[code]).add_one();
        }
        let (result, code) = run();
        self.code.set(code);
        result
    }
}

impl Drop for JobTracker {
    fn drop(&mut self) {
        if !self.has_begun.get() {
            self.metrics.queued.add(-1);
        }
    }
}
