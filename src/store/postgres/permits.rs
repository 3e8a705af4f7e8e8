//! How many jobs may use a connection to PostgreSQL at the same time, so that waiting blocks no thread.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::mode::Mode;
use crate::model::error::{Error, Result};

/// Searches use at most one of this many connections.
const CONNECTIONS_PER_SEARCH: usize = 4;
/// The reads of one name use at most one of this many connections: 5 of 16.
const CONNECTIONS_PER_READ: usize = 3;
/// The same for writes: 8 of 16, since their commits share flushes of the disk.
const CONNECTIONS_PER_WRITE: usize = 2;
/// Jobs that run beside another one of their kind use at most one of this many connections together: 8 of 16.
const CONNECTIONS_PER_FURTHER_JOB: usize = 2;
/// A pool of at least this many connections reserves one for batched lists.
const POOL_WITH_LIST_CONNECTION: usize = 4;

/// The permits of a pool, as many as it has connections.
pub(in crate::store) struct PostgresPermits {
    all: Arc<Semaphore>,
    /// Acquired in addition, by kind of job: searches, and the reads and the writes of each name. While a table is
    /// locked, the jobs that wait for it leave connections to all others. The number of names is fixed by the source.
    shares: Mutex<HashMap<(&'static str, usize), Share>>,
    /// Acquired in addition by every job that runs beside another one of its kind. Otherwise the shares of three kinds of
    /// jobs that wait for the same lock would be all connections.
    further: Arc<Semaphore>,
    connections: usize,
    /// For batched lists, the most frequent requests, which thus need not wait behind all others.
    lists: Arc<Semaphore>,
    timeout: Duration,
}

/// The permits of a kind of job.
#[derive(Clone)]
struct Share {
    all: Arc<Semaphore>,
    /// One, for a job that needs no permit for further jobs.
    first: Arc<Semaphore>,
}

/// The right to use a connection, until it is dropped.
pub(in crate::store) struct Permit {
    _connection: OwnedSemaphorePermit,
    _share: Option<[OwnedSemaphorePermit; 2]>,
}

impl PostgresPermits {
    /// Permits for a pool of that size, with a longest wait.
    pub fn new(pool_size: u32, timeout: Duration) -> Self {
        let connections = usize::try_from(pool_size).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        let lists = usize::from(connections >= POOL_WITH_LIST_CONNECTION);
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self {
            all: semaphore(connections.saturating_sub(lists)),
            shares: Mutex::default(),
            further: semaphore((connections / CONNECTIONS_PER_FURTHER_JOB).max(1)),
            connections,
            lists: semaphore(lists),
            timeout,
        }
    }

    /// The longest wait.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Waits for a permit for a job of that name, at most for the timeout.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when none becomes free in that time.
    pub async fn acquire(&self, job: &'static str, mode: Mode) -> Result<Permit> {
        let share = match mode {
            Mode::Search => self.share("searches", CONNECTIONS_PER_SEARCH),
            Mode::Read | Mode::Snapshot | Mode::SnapshotBatch => self.share(job, CONNECTIONS_PER_READ),
            Mode::Write | Mode::Batch => self.share(job, CONNECTIONS_PER_WRITE),
        };
        let mut cause = "no job of this kind ended";
        let permit = tokio::time::timeout(self.timeout, self.acquire_all(share, &mut cause)).await;
        permit.ok().flatten().ok_or_else(|| Error::Unavailable(format!("{cause} within {:?}", self.timeout)))
    }

    /// Waits without a limit; `cause` says why. `None` if a semaphore is closed, which never happens.
    async fn acquire_all(&self, share: Share, cause: &mut &'static str) -> Option<Permit> {
        let of_kind = share.all.acquire_owned().await.ok()?;
        *cause = "no connection became free";
        let place = tokio::select! {
            biased;
            first = share.first.acquire_owned() => first,
            further = Arc::clone(&self.further).acquire_owned() => further,
        };
        let share = Some([of_kind, place.ok()?]);
        let connection = Arc::clone(&self.all).acquire_owned().await.ok()?;
        Some(Permit { _connection: connection, _share: share })
    }

    /// The permits of a kind of job, one for `divisor` connections. A name may read and write, and has a share for each.
    fn share(&self, name: &'static str, divisor: usize) -> Share {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        let new = || Share { all: semaphore((self.connections / divisor).max(1)), first: semaphore(1) };
        shares.entry((name, divisor)).or_insert_with(new).clone()
    }

    /// Waits for a permit for a batch; `None` if none becomes free until that moment.
    pub async fn acquire_for_batch(&self, mode: Mode, until: Instant) -> Option<Permit> {
        let lists = (mode == Mode::Read).then_some(&self.lists);
        let permit = async {
            let (all, lists) = (Arc::clone(&self.all), lists.map(Arc::clone));
            match lists {
                Some(lists) => tokio::select! {
                    biased;
                    permit = lists.acquire_owned() => permit,
                    permit = all.acquire_owned() => permit,
                },
                None => all.acquire_owned().await,
            }
        };
        let connection = tokio::time::timeout_at(until, permit).await.ok()?.ok()?;
        Some(Permit { _connection: connection, _share: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As many permits as jobs of these kinds get.
    async fn fill(permits: &PostgresPermits, kinds: &[(&'static str, Mode)]) -> Vec<Permit> {
        let mut held = Vec::new();
        for (name, mode) in kinds {
            while let Ok(permit) = permits.acquire(name, *mode).await {
                held.push(permit);
            }
        }
        held
    }

    fn permits() -> PostgresPermits {
        PostgresPermits::new(16, Duration::from_millis(20))
    }

    #[tokio::test]
    async fn a_kind_of_job_gets_its_share_of_the_connections() {
        for (mode, most) in [(Mode::Read, 5), (Mode::Snapshot, 5), (Mode::Search, 4), (Mode::Write, 8)] {
            assert_eq!(fill(&permits(), &[("users.get", mode)]).await.len(), most, "{mode:?}");
        }
    }

    #[tokio::test]
    async fn reads_of_a_name_do_not_use_the_share_of_its_writes() {
        let permits = permits();
        let reads = fill(&permits, &[("users.create", Mode::Read)]).await;
        assert_eq!(reads.len(), 5);
        let writes = fill(&permits, &[("users.create", Mode::Write)]).await;
        assert_eq!(writes.len(), 5, "the first one, and 4 of the 8 further jobs");
        assert!(permits.acquire("users.get", Mode::Search).await.is_ok());
    }

    #[tokio::test]
    async fn six_kinds_of_jobs_leave_connections_to_others() {
        let permits = permits();
        let kinds = ["users.get", "users.list", "users.create"].map(|name| [(name, Mode::Write), (name, Mode::Read)]);
        let mut held = fill(&permits, kinds.as_flattened()).await;
        assert_eq!(held.len(), 8 + 6, "half of the connections, and one for each kind");
        assert!(permits.acquire("groups.get", Mode::Read).await.is_ok());
        let refused = permits.acquire("users.get", Mode::Read).await.err().expect("it would be a further job");
        assert!(format!("{refused:?}").contains("no connection became free"), "{refused:?}");
        held.pop();
        held.pop();
        assert!(permits.acquire("users.create", Mode::Read).await.is_ok());
    }
}
