//! How many jobs may have a connection of PostgreSQL at once, so that waiting costs no thread.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use super::Mode;
use crate::model::error::{Error, Result};

/// Of so many connections searches have one at the most.
const CONNECTIONS_OF_A_SEARCH: usize = 4;
/// Pools of at least so many connections keep one for the lists that share statements.
const POOL_WITH_LIST_CONNECTION: usize = 4;

/// The permits of a pool, as many as it has connections.
pub(in crate::store) struct Permits {
    all: Arc<Semaphore>,
    /// Taken in addition, so that searches cannot take all connections.
    searches: Arc<Semaphore>,
    /// For lists that share a statement: they are what is asked most, and need not wait behind all others.
    lists: Arc<Semaphore>,
    timeout: Duration,
}

/// A connection's worth of room, until it is dropped.
pub(in crate::store) struct Permit {
    _connection: OwnedSemaphorePermit,
    _search: Option<OwnedSemaphorePermit>,
}

impl Permits {
    /// Permits for a pool of that size, waited for at most that long.
    pub fn new(pool_size: u32, timeout: Duration) -> Self {
        let connections = usize::try_from(pool_size).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        let lists = usize::from(connections >= POOL_WITH_LIST_CONNECTION);
        let semaphore = |permits| Arc::new(Semaphore::new(permits));
        Self {
            all: semaphore(connections.saturating_sub(lists)),
            searches: semaphore((connections / CONNECTIONS_OF_A_SEARCH).max(1)),
            lists: semaphore(lists),
            timeout,
        }
    }

    /// The longest wait.
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// Waits for a permit; only the caller fails that has waited too long.
    pub async fn acquire(&self, mode: Mode) -> Result<Permit> {
        let until = Instant::now() + self.timeout;
        let search = match mode {
            Mode::Search => match tokio::time::timeout_at(until, Arc::clone(&self.searches).acquire_owned()).await {
                Ok(Ok(permit)) => Some(permit),
                _ => return Err(Error::Unavailable("too many searches at once".to_owned())),
            },
            Mode::Read | Mode::Snapshot | Mode::Write | Mode::Gathered => None,
        };
        match tokio::time::timeout_at(until, Arc::clone(&self.all).acquire_owned()).await {
            Ok(Ok(connection)) => Ok(Permit { _connection: connection, _search: search }),
            _ => Err(Error::Unavailable(format!("no connection became free within {:?}", self.timeout))),
        }
    }

    /// Waits for a permit for questions that share a statement, until that moment; `None` if none became free.
    pub async fn acquire_gathered(&self, mode: Mode, until: Instant) -> Option<Permit> {
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
        Some(Permit { _connection: connection, _search: None })
    }
}
