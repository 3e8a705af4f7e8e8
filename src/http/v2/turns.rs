//! Turns of requests with much work: one for each caller at a time, and few altogether, so that the connections and the
//! writer are left to all other requests.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::v2::keyed_locks::{KeyGuard, KeyedLocks};
use crate::model::id::UserId;

/// Who has a turn and who waits for one. Callers take turns in the order in which their first waiting request came,
/// so a caller with many requests delays no other caller by more than one.
pub struct Turns {
    callers: KeyedLocks<UserId>,
    running: Arc<Semaphore>,
}

/// A turn; it ends when this is dropped.
pub struct Turn {
    _running: Option<OwnedSemaphorePermit>,
    _caller: KeyGuard<UserId>,
}

impl Turns {
    /// So many turns at a time.
    #[must_use]
    pub fn new(running: usize) -> Self {
        Self { callers: KeyedLocks::default(), running: Arc::new(Semaphore::new(running)) }
    }

    /// Waits for the caller's turn.
    pub async fn wait(&self, caller: UserId) -> Turn {
        let caller = self.callers.lock(caller).await;
        // The semaphore is never closed, so there is always a permit in the end.
        let running = Arc::clone(&self.running).acquire_owned().await.ok();
        Turn { _running: running, _caller: caller }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    const SHORT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn a_caller_with_many_requests_delays_no_other_caller_by_more_than_one() {
        let (turns, ann, bob) = (Turns::new(1), UserId::new(1), UserId::new(2));
        let first = turns.wait(ann).await;
        let mut more: Vec<_> = (0..5).map(|_| Box::pin(turns.wait(ann))).collect();
        for waiting in &mut more {
            assert!(timeout(SHORT, waiting).await.is_err());
        }
        let mut other = Box::pin(turns.wait(bob));
        assert!(timeout(SHORT, &mut other).await.is_err());
        drop(first);
        assert!(timeout(SHORT, &mut other).await.is_ok());
    }
}
