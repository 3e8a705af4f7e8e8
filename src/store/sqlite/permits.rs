//! How many reads of each kind SQLite runs at once, beside those on the workers' threads.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::wal::Gate;
use crate::model::error::{Error, Result};
use crate::store::Cost;

/// Reads that take long, but not as long as a search.
const LONG_READS: usize = 4;
/// Searches. They have permits of their own, so that they cannot take all others'.
const SEARCHES: usize = 2;
/// Probes: one at a time is enough, and a flood of them takes no connection from anybody.
const PROBES: usize = 1;

/// Connections that reads of these kinds need together.
pub(super) const MAX_BATCH: usize = LONG_READS + SEARCHES + PROBES;

/// The permits. A job takes its permit along to its thread, and keeps it although its caller is gone.
pub(super) struct Permits {
    long: Arc<Semaphore>,
    searches: Arc<Semaphore>,
    probes: Arc<Semaphore>,
    gate: Gate,
    timeout: Duration,
}

impl Permits {
    /// Permits that are waited for at most that long.
    pub fn new(gate: Gate, timeout: Duration) -> Self {
        let [long, searches, probes] = [LONG_READS, SEARCHES, PROBES].map(|number| Arc::new(Semaphore::new(number)));
        Self { long, searches, probes, gate, timeout }
    }

    /// Waits for a permit, and only the caller fails that has waited too long.
    pub async fn acquire(&self, cost: Cost) -> Result<OwnedSemaphorePermit> {
        let (permits, what) = match cost {
            Cost::Probe => (&self.probes, "probes"),
            Cost::Search => (&self.searches, "searches"),
            Cost::Bounded | Cost::BoundedSnapshot | Cost::Unbounded => (&self.long, "long reads"),
        };
        let permit = async {
            if cost.is_long() {
                self.gate.pass().await;
            }
            Arc::clone(permits).acquire_owned().await
        };
        match tokio::time::timeout(self.timeout, permit).await {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Error::Unavailable(format!("too many {what} at once"))),
        }
    }
}
