//! What every job goes through, whichever database runs it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::metrics::JobTracker;
use super::tx::Tx;
use crate::model::change::ChangeOrigin;
use crate::model::error::{Error, Result};

/// Adds to a job that its attempts are counted and its panics become errors.
pub(super) fn track<T>(
    tracker: JobTracker,
    job: impl Fn(&mut Tx<'_>) -> Result<T>,
) -> impl Fn(&mut Tx<'_>) -> Result<T> {
    move |tx| {
        tracker.attempt(|| {
            let result = catch_panic(|| job(tx));
            (result, tx.conflict_code())
        })
    }
}

/// Adds to a job that its changes are logged.
pub(super) fn log_changes<T>(
    origin: ChangeOrigin,
    job: impl Fn(&mut Tx<'_>) -> Result<T>,
) -> impl Fn(&mut Tx<'_>) -> Result<T> {
    move |tx| {
        tx.set_change_origin(origin.clone());
        let result = job(tx)?;
        tx.write_changes().map(|()| result)
    }
}

/// Turns a panic of a job into an error of that job, so that its thread and the jobs beside it go on.
pub(super) fn catch_panic<T>(job: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(job)).unwrap_or_else(|_| Err(Error::Internal("a job panicked".to_owned())))
}

/// Runs a job on a thread that may block.
///
/// # Errors
/// Those of the job, or [`Error::Internal`] if it panics.
#[expect(clippy::disallowed_methods, reason = "the only place that moves work off a worker's thread")]
pub(super) async fn run_blocking<T: Send + 'static>(job: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(job)
        .await
        .unwrap_or_else(|_| Err(Error::Internal("a job ended without a result".to_owned())))
}

/// Puts the name of a job before the cause of its failure.
pub(super) fn with_job_name(name: &'static str, error: Error) -> Error {
    match error {
        Error::Refused(problems) => Error::Refused(problems),
        Error::Unavailable(cause) => Error::Unavailable(format!("{name}: {cause}")),
        Error::Internal(cause) => Error::Internal(format!("{name}: {cause}")),
    }
}
