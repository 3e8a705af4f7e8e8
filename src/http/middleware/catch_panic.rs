//! A request whose handler panics gets an answer, and its neighbours on the same connection theirs.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;

use crate::http::jsonapi::errors::Failure;

/// Works on a request. What it holds is dropped if it panics, so that nobody sees it half done.
///
/// # Errors
/// 500 `internal` for a panic; the log has its location.
pub async fn catch_panic<T>(work: impl Future<Output = T>) -> Result<T, Failure> {
    let mut work = pin!(work);
    poll_fn(move |context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
        Ok(poll) => poll.map(Ok),
        Err(_) => Poll::Ready(Err(Failure::internal("its handler panicked".to_owned()))),
    })
    .await
}
