//! The deadline of a request, counted from its arrival.

use actix_web::{HttpMessage, HttpRequest};
use std::time::Duration;
use tokio::time::Instant;

use crate::http::jsonapi::errors::Failure;
use crate::http::middleware::catch_panic::catch_panic;

/// The deadline of a request. Authentication, which may read a signed body, and the handler share it.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    at: Instant,
    timeout: Duration,
}

impl Deadline {
    /// The deadline of a request that arrives now.
    #[must_use]
    pub fn after(timeout: Duration) -> Self {
        let now = Instant::now();
        Self { at: now.checked_add(timeout).unwrap_or(now), timeout }
    }

    /// The deadline that authentication has set; a request without authentication gets one from now on.
    #[must_use]
    pub fn of(request: &HttpRequest, timeout: Duration) -> Self {
        let set = request.extensions().get::<Self>().copied();
        set.unwrap_or_else(|| Self::after(timeout))
    }

    /// The moment some time before the deadline.
    #[must_use]
    pub fn minus(self, time: Duration) -> Instant {
        self.at.checked_sub(time).unwrap_or(self.at)
    }

    /// Runs `work` until the deadline.
    ///
    /// # Errors
    /// 503 `unavailable` at the deadline; 500 `internal` if the work panics.
    pub async fn enforce<T>(self, work: impl Future<Output = T>) -> Result<T, Failure> {
        let late = |_| Err(Failure::unavailable(format!("the request took longer than {:?}", self.timeout)));
        tokio::time::timeout_at(self.at, catch_panic(work)).await.unwrap_or_else(late)
    }
}
