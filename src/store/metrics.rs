//! What the store counts and measures.

use std::cell::Cell;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::metrics::{Counters, Gauge, Gauges, Histogram, Histograms, MetricsRegistry};
use crate::store::fault::{DEADLOCK, FOREIGN_KEY, LOST, SERIALIZATION, UNIQUE};
use crate::store::tx::Tx;

/// Upper bounds, in seconds: a read from memory takes tens of microseconds, a wait for a lock seconds.
const SECONDS: &[f64] =
    &[0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0];
const WRITES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0];

/// The store's families.
#[derive(Debug)]
pub(in crate::store) struct StoreMetrics {
    /// All families, the store's and everybody else's.
    pub all: MetricsRegistry,
    durations: Histograms,
    queued: Gauge,
    retries: Counters,
    commits: Histogram,
    connections: Gauges,
}

/// Connections to the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Connections {
    /// Those that a job has.
    pub busy: u32,
    /// Those that wait for one.
    pub idle: u32,
}

impl Connections {
    /// Shows them in a family with the label `state`.
    pub fn show(self, family: &Gauges) {
        family.of(&["busy"]).set(self.busy.into());
        family.of(&["idle"]).set(self.idle.into());
    }
}

impl StoreMetrics {
    pub fn new() -> Arc<Self> {
        let all = MetricsRegistry::new();
        let measures = Self {
            durations: all.histograms(
                "store_job_duration_seconds",
                "How long a job took, from when it was asked for until it was answered.",
                &["job"],
                SECONDS,
            ),
            queued: all.gauge("store_jobs_queued", "Jobs that have been asked for and not begun."),
            retries: all.counters(
                "store_retries_total",
                "Jobs that were run again, by the SQLSTATE of what was in the way.",
                &["code"],
            ),
            commits: all.histogram("writes_per_commit", "Writes that shared a commit.", WRITES),
            connections: all.gauges("store_connections", "Connections to the database.", &["state"]),
            all,
        };
        // So that no family is missing from the first scrape.
        measures.durations.show(&["health.schema"]);
        for code in [UNIQUE, FOREIGN_KEY, SERIALIZATION, DEADLOCK, LOST] {
            measures.retries.show(&[code]);
        }
        Arc::new(measures)
    }

    /// Measures a job until the answer is dropped.
    pub fn time(self: &Arc<Self>, job: &'static str) -> JobTimer {
        JobTimer { measures: Arc::clone(self), job, since: Instant::now() }
    }

    /// Follows a job from the queue through its attempts.
    pub fn follow(self: &Arc<Self>) -> JobTracker {
        self.queued.add(1);
        JobTracker { measures: Arc::clone(self), has_begun: Cell::new(false), code: Cell::new(None) }
    }

    /// A job is run again for lack of a connection that works.
    pub fn lost_connection(&self) {
        self.retries.of(&[LOST]).add_one();
    }

    /// So many writes became durable together.
    pub fn committed(&self, writes: usize) {
        self.commits.observe(f64::from(u32::try_from(writes).unwrap_or(u32::MAX)));
    }

    /// Notes the connections at this moment.
    pub fn connected(&self, connections: Connections) {
        connections.show(&self.connections);
    }
}

/// A job that is being measured.
pub(in crate::store) struct JobTimer {
    measures: Arc<StoreMetrics>,
    job: &'static str,
    since: Instant,
}

impl JobTimer {
    /// The name of the job.
    pub fn job(&self) -> &'static str {
        self.job
    }

    /// When a job that may take so long must have ended; `None` for a job without a limit.
    pub fn deadline(&self, longest: Option<Duration>) -> Option<Instant> {
        longest.and_then(|longest| self.since.checked_add(longest))
    }
}

impl Drop for JobTimer {
    fn drop(&mut self) {
        self.measures.durations.of(&[self.job]).observe_duration(self.since.elapsed());
    }
}

/// A job that is being followed; it goes where the job goes.
pub(in crate::store) struct JobTracker {
    measures: Arc<StoreMetrics>,
    has_begun: Cell<bool>,
    code: Cell<Option<&'static str>>,
}

impl JobTracker {
    /// Runs an attempt.
    pub fn attempt<T>(&self, tx: &mut Tx<'_>, job: impl FnOnce(&mut Tx<'_>) -> T) -> T {
        if !self.has_begun.replace(true) {
            self.measures.queued.add(-1);
        } else if let Some(code) = self.code.get() {
            self.measures.retries.of(&[code]).add_one();
        }
        let result = job(tx);
        self.code.set(tx.conflict_code());
        result
    }
}

impl Drop for JobTracker {
    fn drop(&mut self) {
        if !self.has_begun.get() {
            self.measures.queued.add(-1);
        }
    }
}
