//! When a request must have been answered, counted from the moment at which it came to the door.

use std::time::Duration;
use tokio::time::Instant;

use crate::http::jsonapi::errors::Failure;
use crate::http::middleware::catch_panic::catch_panic;

/// The moment at which a request has taken too long. One for all of it: the time that the door takes, reading a signed
/// body among it, is no longer there for the handler.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    at: Instant,
    longest: Duration,
}

impl Deadline {
    /// That of a request that comes now.
    #[must_use]
    pub fn after(longest: Duration) -> Self {
        let now = Instant::now();
        Self { at: now.checked_add(longest).unwrap_or(now), longest }
    }

    /// Works until then and no longer.
    ///
    /// # Errors
    /// 503 `unavailable`; 500 `internal` if the work panics.
    pub async fn keep<T>(self, work: impl Future<Output = T>) -> Result<T, Failure> {
        let late = |_| Err(Failure::unavailable(format!("the request took longer than {:?}", self.longest)));
        tokio::time::timeout_at(self.at, catch_panic(work)).await.unwrap_or_else(late)
    }
}
