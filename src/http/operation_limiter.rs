//! Limits requests with many operations: one per caller and a few altogether, so that connections and the writer stay
//! available to all other requests.
//!
//! `auth::fair_semaphore` is another mechanism: it lets one requester hold several permits and refuses requests when its
//! queues are full. Here each caller has one permit at a time, and requests wait until their deadline.

use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::keyed_locks::{KeyGuard, KeyedLocks};
use crate::model::id::UserId;

/// Grants permits to callers in the order in which their first waiting request arrived. A caller with many requests
/// therefore delays any other caller by at most one request.
pub struct OperationLimiter {
    callers: KeyedLocks<UserId>,
    running: Arc<Semaphore>,
}

/// Permission to run the operations of one request; released when dropped.
pub struct OperationPermit {
    _running: Option<OwnedSemaphorePermit>,
    _caller: KeyGuard<UserId>,
}

impl OperationLimiter {
    /// A limiter that lets at most `running` requests run at a time.
    #[must_use]
    pub fn new(running: usize) -> Self {
        Self { callers: KeyedLocks::default(), running: Arc::new(Semaphore::new(running)) }
    }

    /// Waits for a permit for this caller.
    pub async fn acquire(&self, caller: UserId) -> OperationPermit {
        let caller = self.callers.lock(caller).await;
        // The semaphore is never closed, so `acquire_owned` never fails.
        let running = Arc::clone(&self.running).acquire_owned().await.ok();
        OperationPermit { _running: running, _caller: caller }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    const SHORT: Duration = Duration::from_millis(20);

    #[tokio::test]
    async fn a_caller_with_many_requests_delays_another_by_at_most_one() {
        let (limiter, ann, bob) = (OperationLimiter::new(1), UserId::new(1), UserId::new(2));
        let first = limiter.acquire(ann).await;
        let mut more: Vec<_> = (0..5).map(|_| Box::pin(limiter.acquire(ann))).collect();
        for waiting in &mut more {
            assert!(timeout(SHORT, waiting).await.is_err());
        }
        let mut other = Box::pin(limiter.acquire(bob));
        assert!(timeout(SHORT, &mut other).await.is_err());
        drop(first);
        assert!(timeout(SHORT, &mut other).await.is_ok());
    }
}
