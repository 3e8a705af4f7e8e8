//! How a synchronization leaves the database and the processors to a service on the same database.
//!
//! # Design
//! Requests wait for what is running. While others use the database, each step is short, a pause in proportion to its
//! duration follows, and the process has a low scheduling priority, so that requests run first. On SQLite a waiting
//! connection polls every 100 ms; a pause between transactions lets it write.

use std::time::{Duration, Instant};

use super::load::PAUSE;
use crate::store::url::DatabaseUrl;
use crate::store::{self, Cost, Store, Tx};

/// The lines of a batch that is planned, alone and beside others.
const PLANNED_BATCHES: (usize, usize) = (2_000, 200);
/// The longest pause after a step that reads; a shorter step is followed by a pause of its duration.
const LONGEST_REST: Duration = Duration::from_millis(40);
/// The intended duration of a transaction, alone and beside others.
const TARGETS: (Duration, Duration) = (Duration::from_millis(200), Duration::from_millis(30));
/// The nice value of the process beside others.
const NICE: i32 = 10;

/// How much a synchronization leaves to others.
#[derive(Debug, Clone, Copy)]
pub struct Pacing {
    is_alone: bool,
}

/// How many records a transaction writes, adapted to its duration.
#[derive(Debug, Clone, Copy)]
pub struct JobSize {
    size: usize,
    limits: (usize, usize),
    target: Duration,
}

impl Pacing {
    /// Without pauses if `is_alone`.
    #[must_use]
    pub const fn new(is_alone: bool) -> Self {
        Self { is_alone }
    }

    /// The lines of a batch that is planned.
    #[must_use]
    pub const fn planned_batch(self) -> usize {
        if self.is_alone { PLANNED_BATCHES.0 } else { PLANNED_BATCHES.1 }
    }

    /// The first size of transactions that write between `least` and `most` records.
    #[must_use]
    pub const fn job_size(self, least: usize, most: usize) -> JobSize {
        let target = if self.is_alone { TARGETS.0 } else { TARGETS.1 };
        JobSize { size: least, limits: (least, most), target }
    }

    /// Pauses after a step that has read since a moment.
    pub async fn rest_after_read(self, begun: Instant) {
        if !self.is_alone {
            tokio::time::sleep(begun.elapsed().min(LONGEST_REST)).await;
        }
    }

    /// Pauses after a transaction.
    pub async fn rest_after_write(self) {
        if !self.is_alone {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl JobSize {
    /// How many records the next transaction writes.
    #[must_use]
    pub const fn get(self) -> usize {
        self.size
    }

    /// Adapts to a transaction of some records that began at a moment.
    pub fn adapt(&mut self, records: usize, begun: Instant) {
        let next = records as u128 * self.target.as_micros() / begun.elapsed().as_micros().max(1);
        let (least, most) = self.limits;
        self.size = usize::try_from(next).unwrap_or(most).clamp(least, most);
    }
}

/// Whether no other process uses the database, as far as it is known before it is opened. Otherwise the threads that start
/// from now on have a low priority.
#[must_use]
pub fn begin(url: &DatabaseUrl) -> bool {
    let is_alone = matches!(url, DatabaseUrl::Sqlite(_)) && store::has_exclusive_access(url);
    if !is_alone && let Err(error) = rustix::process::nice(NICE) {
        log::debug!("cannot lower the scheduling priority: {error}");
    }
    is_alone
}

/// The pace beside those who use the database now.
///
/// # Errors
/// Those of the store.
pub async fn choose(store: &Store, is_alone: bool) -> crate::model::error::Result<Pacing> {
    let job = |tx: &mut Tx<'_>| tx.has_other_clients();
    Ok(Pacing::new(is_alone || !store.read("import.pace", Cost::Bounded, job).await?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ago(time: Duration) -> Instant {
        Instant::now().checked_sub(time).unwrap()
    }

    #[test]
    fn a_transaction_grows_and_shrinks_with_its_duration() {
        let (alone, beside) = (Pacing::new(true), Pacing::new(false));
        let mut size = alone.job_size(100, 2_000);
        assert_eq!(size.get(), 100);
        size.adapt(100, ago(Duration::from_millis(100)));
        assert!((150..=200).contains(&size.get()), "{size:?}");
        size.adapt(150, ago(Duration::from_micros(1)));
        assert_eq!(size.get(), 2_000);
        size.adapt(2_000, ago(Duration::from_mins(1)));
        assert_eq!(size.get(), 100);
        let mut size = beside.job_size(1, 2_000);
        size.adapt(1_000, ago(Duration::from_millis(300)));
        assert!((50..=100).contains(&size.get()), "{size:?}");
        assert!(beside.planned_batch() < alone.planned_batch());
    }

    #[test]
    fn pauses_are_only_for_others_and_bounded() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let measure = |pacing: Pacing, read: Duration| {
            let begun = Instant::now();
            runtime.block_on(pacing.rest_after_read(ago(read)));
            let reading = begun.elapsed();
            runtime.block_on(pacing.rest_after_write());
            (reading, begun.elapsed().saturating_sub(reading))
        };
        let (reading, writing) = measure(Pacing::new(true), Duration::from_secs(9));
        assert!(reading < LONGEST_REST && writing < PAUSE, "{reading:?} {writing:?}");
        let (short, _) = measure(Pacing::new(false), Duration::from_millis(5));
        assert!(short >= Duration::from_millis(5), "{short:?}");
        let (reading, writing) = measure(Pacing::new(false), Duration::from_secs(9));
        assert!(reading >= LONGEST_REST && reading < Duration::from_secs(9), "{reading:?}");
        assert!(writing >= PAUSE, "{writing:?}");
    }
}
