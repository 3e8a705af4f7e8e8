//! Turns a panic of a handler into a 500 response. Without it, the panic would close the connection and lose the
//! responses of other requests on it.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use crate::http::jsonapi::errors::Failure;

/// Runs a handler. The future is dropped after a panic, so that no state of it is seen half changed.
///
/// # Errors
/// 500 `internal` for a panic; the log has its location.
pub async fn catch_panic<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let mut work = pin!(work);
    poll_fn(move |context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
        Ok(poll) => poll.map(Ok),
        Err(_) => Poll::Ready(Err(Failure::internal("the handler panicked".to_owned()))),
    })
    .await
}
