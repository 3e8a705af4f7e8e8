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
/// A pool of at least this many connections reserves one for batched lists.
const POOL_WITH_LIST_CONNECTION: usize = 4;

/// The permits of a pool, as many as it has connections.
pub(in crate::store) struct PostgresPermits {
    all: Arc<Semaphore>,
    /// Acquired in addition, by kind of job: searches, and the reads and the writes of each name. While a table is
    /// locked, the jobs that wait for it leave connections to all others. The number of names is fixed by the source.
    shares: Mutex<HashMap<(&'static str, usize), Arc<Semaphore>>>,
    connections: usize,
    /// For batched lists, the most frequent requests, which thus need not wait behind all others.
    lists: Arc<Semaphore>,
    timeout: Duration,
}

/// The right to use a connection, until it is dropped.
pub(in crate::store) struct Permit {
    _connection: OwnedSemaphorePermit,
    _share: Option<OwnedSemaphorePermit>,
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
        let until = Instant::now() + self.timeout;
        let share = match mode {
            Mode::Search => self.share("searches", CONNECTIONS_PER_SEARCH),
            Mode::Read | Mode::Snapshot => self.share(job, CONNECTIONS_PER_READ),
            Mode::Write | Mode::Batch => self.share(job, CONNECTIONS_PER_WRITE),
        };
        let late = |what: &str| Error::Unavailable(format!("{what} within {:?}", self.timeout));
        match tokio::time::timeout_at(until, share.acquire_owned()).await {
            Ok(Ok(share)) => match tokio::time::timeout_at(until, Arc::clone(&self.all).acquire_owned()).await {
                Ok(Ok(connection)) => Ok(Permit { _connection: connection, _share: Some(share) }),
                _ => Err(late("no connection became free")),
            },
            _ => Err(late("no job of this kind ended")),
        }
    }

    /// The permits of a kind of job, one for `divisor` connections. A name may read and write, and has a share for each.
    fn share(&self, name: &'static str, divisor: usize) -> Arc<Semaphore> {
        let mut shares = self.shares.lock().unwrap_or_else(PoisonError::into_inner);
        let share = shares.entry((name, divisor));
        Arc::clone(share.or_insert_with(|| Arc::new(Semaphore::new((self.connections / divisor).max(1)))))
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

    #[tokio::test]
    async fn reads_of_a_name_do_not_use_the_share_of_its_writes() {
        let permits = PostgresPermits::new(16, Duration::from_millis(20));
        let mut held = Vec::new();
        for _ in 0..5 {
            held.push(permits.acquire("users.create", Mode::Read).await.unwrap());
        }
        assert!(permits.acquire("users.create", Mode::Read).await.is_err());
        for _ in 0..8 {
            held.push(permits.acquire("users.create", Mode::Write).await.unwrap());
        }
        assert!(permits.acquire("users.create", Mode::Write).await.is_err());
        assert!(permits.acquire("users.get", Mode::Search).await.is_ok());
    }
}
