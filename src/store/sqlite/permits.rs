//! How many reads of each kind run at the same time on SQLite, in addition to those on the workers' threads.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::wal::ReadGate;
use crate::model::error::{Error, Result};
use crate::store::cost::Cost;

/// Long reads, which take less time than a search.
const LONG_READS: usize = 4;
/// Searches. They have separate permits, so that they cannot use up those of other reads.
const SEARCHES: usize = 2;
/// Probes: one at a time is enough, and many of them then take no connection from other reads.
const PROBES: usize = 1;

/// Connections that reads of these kinds need together.
pub(super) const CONNECTIONS: usize = LONG_READS + SEARCHES + PROBES;

/// The permits. A job holds its permit until it ends, even if its caller is gone.
pub(super) struct SqlitePermits {
    long: Arc<Semaphore>,
    searches: Arc<Semaphore>,
    probes: Arc<Semaphore>,
    gate: ReadGate,
    timeout: Duration,
}

impl SqlitePermits {
    /// Permits with a longest wait.
    pub fn new(gate: ReadGate, timeout: Duration) -> Self {
        let [long, searches, probes] = [LONG_READS, SEARCHES, PROBES].map(|number| Arc::new(Semaphore::new(number)));
        Self { long, searches, probes, gate, timeout }
    }

    /// Waits for a permit, at most for the timeout.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when none becomes free in that time.
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
            _ => Err(Error::Unavailable(format!("too many {what} at the same time"))),
        }
    }
}
